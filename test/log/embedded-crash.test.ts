/** Processes that write to an embedded log are killed: every commit is there as a whole, or not. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import type { EventLog } from '../../src/log/log.js'
import { runChild, type ChildEnd } from '../support/child.js'
import { tempFolder } from '../support/temp-folder.js'

/** How many records each commit has in a topic partition, by the commit's number. */
async function perCommit(log: EventLog, topic: string, partition: number): Promise<number[]> {
  const counts: number[] = []
  const reader = log.reader(topic, partition, 0)
  for (;;) {
    const { records, atEnd } = await reader.poll(1024, 0)
    for (const { timestamp } of records) counts[timestamp] = (counts[timestamp] ?? 0) + 1
    if (atEnd) break
  }
  await reader.close()
  return counts
}

/** Checks that all that was told to be committed is there, and all of each commit that is. */
async function commitsThere(directory: string, child: ChildEnd): Promise<number> {
  const log = await EmbeddedLog.open(directory)
  const commits = await log.endOffset('changelog', 0)
  const told = Number(child.lines.at(-1) ?? -1) + 1
  expect(commits).toBeGreaterThanOrEqual(told)
  expect(commits).toBeLessThanOrEqual(told + 1)
  expect((await log.last('changelog', 0))?.value?.toString() ?? '-1').toBe(String(commits - 1))
  const count = (commit: number) => (commit % 7 === 0 ? 3000 : 5)
  const all = Array.from({ length: commits }, (_, commit) => count(commit))
  expect(await perCommit(log, 'events', 1)).toEqual(all.map((it) => Math.ceil(it / 2) + 1))
  expect(await perCommit(log, 'features', 1)).toEqual(all.map((it) => Math.floor(it / 2)))
  expect((await log.erasures('events', 1, Infinity)).size).toBe(commits)
  await log.close()
  return commits
}

test.each([
  ['log.before-batch', 8, [7]],
  ['log.before-batch', 1, [0]],
  ['log.in-sync', 8, [7, 8]],
  ['log.in-sync', 10, [9, 10]],
  ['log.after-batch', 8, [8]],
])('killed at %s, the %ith time, the log holds whole commits', async (point, nth, expected) => {
  const directory = join(await tempFolder(), 'log')
  const child = await runChild('log/commit-until-killed.ts', [directory, '20'], {
    failpoint: `${point}:kill:${nth}`,
  })
  expect(child.signal).toBe('SIGKILL')
  expect(expected).toContain(await commitsThere(directory, child))
  // The next process goes on where the log ends.
  const next = await runChild('log/commit-until-killed.ts', [directory, '2'])
  expect(next.signal).toBeNull()
  await commitsThere(directory, next)
})

test('killed at any moment, again and again, the log holds whole commits', async () => {
  const directory = join(await tempFolder(), 'log')
  for (const killAfterMs of [1, 40, 90, 15]) {
    const child = await runChild('log/commit-until-killed.ts', [directory, '100000'], {
      killAfterMs,
    })
    expect(child.signal).toBe('SIGKILL')
    await commitsThere(directory, child)
  }
})
