/** How a command that builds beside others leaves them the machine. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const module = fileURLToPath(new URL('../../src/cli/give-way.ts', import.meta.url))

const script = `
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { giveWay } from ${JSON.stringify(module)}
// Begins the threads that wait for disks.
await Promise.all(Array.from({ length: 8 }, () => readFile(${JSON.stringify(module)})))
giveWay()
const niceOf = (thread) =>
  readFileSync('/proc/self/task/' + thread + '/stat', 'utf8').split(') ')[1].split(' ')[16]
console.log(readdirSync('/proc/self/task').map(niceOf).join(' '))
`

test.runIf(process.platform === 'linux')('every thread of it gives way', async () => {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const all = stdout.trim().split(' ')
  expect(all.length).toBeGreaterThan(4)
  expect(new Set(all)).toEqual(new Set(['19']))
})
