/** Rebuilds of a data directory by the binary: where they happen, and what must hold behind them. */
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import { topicsOf } from '../../src/log/log.js'
import { commitOf } from '../../src/events/output-head.js'
import type { Position } from '../../src/operators/position.js'
import { Binary, type BinaryEnd, runBinary } from './binary.js'
import { writeChangedChurn } from './changed-churn.js'
import { recordsOf } from './outputs.js'
import { tempFolder } from './temp-folder.js'

const topics = topicsOf('churn')

/** A folder with the changed app in it, and how the binary runs there. */
export async function place() {
  const folder = await tempFolder()
  writeChangedChurn(join(folder, 'changed'))
  const run = (args: readonly string[], env: Record<string, string> = {}): Promise<BinaryEnd> =>
    runBinary([...args, '--data', 'data'], { cwd: folder, env })
  const verified = async (): Promise<void> => {
    const { stdout, stderr } = await run(['verify', '--json'])
    expect(stderr.match(/^tidemark: .*/gm)).toBeNull()
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, mismatches: 0, missing: 0, findings: [] })
  }
  return { folder, run, verified }
}

/** Every offset is in one commit, no number is missing, nobody has two rows in a commit. */
export async function expectExactlyOnce(directory: string): Promise<Position[]> {
  const log = await EmbeddedLog.open(join(directory, 'log'), { mustExist: true })
  try {
    const changelog = await recordsOf(log, topics.changelog, 0)
    const positions = changelog.map(({ value }) => JSON.parse(value!.toString()) as Position)
    expect(positions.map(({ commit }) => commit)).toEqual(positions.map((_, i) => i + 1))
    for (const [i, { endOffset }] of positions.slice(1).entries()) {
      expect(endOffset).toBeGreaterThanOrEqual(positions[i].endOffset)
    }
    const { endOffset, counts } = positions.at(-1)!
    const rejected = Object.values(counts.rejected).reduce((sum, count) => sum + count, 0)
    const { accepted, duplicates, late, erasures } = counts
    expect(accepted + duplicates + late + erasures + rejected).toBe(endOffset)
    const [features, scores] = await Promise.all(
      [topics.features, topics.scores].map(async (topic) => {
        const rows = await recordsOf(log, topic, 0)
        return rows.map(({ key, value }) => `${key!.toString()} ${commitOf(value!)}`)
      }),
    )
    expect(new Set(features).size).toBe(features.length)
    expect(scores).toEqual(features)
    return positions
  } finally {
    await log.close()
  }
}

/** The generations of a log's commits, one after the other, each once a stay. */
export function stays(positions: readonly Position[]): number[] {
  const numbers = positions.map(({ generation }) => generation?.number ?? 1)
  return numbers.filter((number, i) => number !== numbers[i - 1])
}

export async function statusOf(url: string) {
  const status = (await (await fetch(`${url}/v1/status`)).json()) as {
    appHash: string
    partitions: { commit: number; endOffset: number }[]
  }
  return { appHash: status.appHash, ...status.partitions[0] }
}

export async function committedBeyond(url: string, commit: number): Promise<void> {
  const now = async () => (await statusOf(url)).commit
  await expect.poll(now, { interval: 50, timeout: 200_000 }).toBeGreaterThan(commit)
}

/**
 * A process that gets events from a source of `start` is rebuilt, goes back and returns, and is
 * verified. The generations of its commits, each once a stay.
 */
export async function rebuildUnderLoad(
  { folder, run, verified }: Awaited<ReturnType<typeof place>>,
  source: readonly string[],
): Promise<number[]> {
  const flags = ['start', '--data', 'data', '--port', '0', '--json']
  const owner = new Binary([...flags, ...source], { cwd: folder })
  onTestFinished(() => owner.kill('SIGKILL'))
  const url = await owner.serving()
  await committedBeyond(url, 5)
  const first = await statusOf(url)

  const rebuilt = await run(['rebuild', '--app', 'changed', '--json'])
  expect(rebuilt).toMatchObject({ exit: 0 })
  expect(rebuilt.stderr).toContain('declared otherwise: logins_last_7_days\n')
  const report = JSON.parse(rebuilt.stdout) as { generation: number; inForce: boolean }
  expect(report).toMatchObject({ generation: 2, inForce: true })
  const second = await statusOf(url)
  expect(second.appHash).not.toBe(first.appHash)
  await committedBeyond(url, second.commit)
  await verified()

  for (const number of [1, 2]) {
    const back = await run(['rebuild', '--back', '--json'])
    expect(back).toMatchObject({ exit: 0 })
    expect(JSON.parse(back.stdout)).toMatchObject({ generation: number, inForce: true })
    const { appHash, commit } = await statusOf(url)
    expect(appHash).toBe(number === 1 ? first.appHash : second.appHash)
    await committedBeyond(url, commit)
  }
  await verified()
  owner.kill('SIGTERM')
  expect(await owner.ended).toMatchObject({ exit: 0 })
  const stayed = stays(await expectExactlyOnce(join(folder, 'data')))

  const refused = await run(['start', '--app', 'churn', '--port', '0'])
  expect(refused).toMatchObject({ exit: 78 })
  expect(refused.stderr).toMatch(/APP_HASH_MISMATCH: .*generation 2 of .*is in force.*--back/)
  const again = new Binary([...flags, '--app', 'changed'], { cwd: folder })
  onTestFinished(() => again.kill('SIGKILL'))
  const { appHash } = await statusOf(await again.serving())
  expect(appHash).toBe(second.appHash)
  again.kill('SIGTERM')
  expect(await again.ended).toMatchObject({ exit: 0 })
  return stayed
}
