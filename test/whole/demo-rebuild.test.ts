/** The demo, with its 120 days of history, rebuilt while its events come in. */
import { expect, test } from 'vitest'
import { place, rebuildUnderLoad } from '../support/rebuilds.js'

test('the demo is rebuilt under load, returns, and returns again, and verify finds nothing', async () => {
  expect(await rebuildUnderLoad(await place(), ['--generate', '5'])).toEqual([1, 2, 1, 2])
}, 300_000)
