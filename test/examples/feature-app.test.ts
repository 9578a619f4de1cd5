/** The last numbered example: a small feature app, loaded, run, verified and replayed by one command. */
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

test('the feature app of the examples runs by one command', { timeout: 300_000 }, () => {
  const { status, stdout, stderr } = spawnSync('sh', ['examples/07-feature-app/run.sh'], {
    encoding: 'utf8',
  })
  expect(stderr + stdout).toContain('0 mismatches, 0 missing')
  expect(stdout).toContain('9 of them with a label')
  expect(status).toBe(0)
})
