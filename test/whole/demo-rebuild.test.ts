/** The demo, with its 120 days of history, rebuilt while its events come in. */
import { test } from 'vitest'
import { place, rebuildUnderLoad } from '../support/rebuilds.js'

test('the demo is rebuilt under load, returns, and returns again, and verify finds nothing', async () => {
  await rebuildUnderLoad(await place(), ['--generate', '5'])
}, 300_000)
