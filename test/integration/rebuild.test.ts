/** `tidemark rebuild`, beside a process that runs and without one, killed and undisturbed. */
import { access, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import { topicsOf } from '../../src/log/log.js'
import { commitOf } from '../../src/events/output-head.js'
import type { Position } from '../../src/operators/position.js'
import { Binary, type BinaryEnd, runBinary } from '../support/binary.js'
import { less, writeChangedChurn } from '../support/changed-churn.js'
import { recordsOf } from '../support/outputs.js'
import { tempFolder } from '../support/temp-folder.js'

const patience = { timeout: 300_000 }
const topics = topicsOf('churn')

/** A folder with the changed app in it, and how the binary runs there. */
async function place() {
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
async function expectExactlyOnce(directory: string): Promise<Position[]> {
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
function stays(positions: readonly Position[]): number[] {
  const numbers = positions.map(({ generation }) => generation?.number ?? 1)
  return numbers.filter((number, i) => number !== numbers[i - 1])
}

async function statusOf(url: string) {
  const status = (await (await fetch(`${url}/v1/status`)).json()) as {
    appHash: string
    partitions: { commit: number; endOffset: number }[]
  }
  return { appHash: status.appHash, ...status.partitions[0] }
}

async function committedBeyond(url: string, commit: number): Promise<void> {
  const now = async () => (await statusOf(url)).commit
  await expect.poll(now, { interval: 50, timeout: 200_000 }).toBeGreaterThan(commit)
}

test(
  'the demo is rebuilt under load, returns, and returns again, and verify finds nothing',
  patience,
  async () => {
    const { folder, run, verified } = await place()
    const flags = ['start', '--data', 'data', '--generate', '5', '--port', '0', '--json']
    const owner = new Binary(flags, { cwd: folder })
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
    expect(stays(await expectExactlyOnce(join(folder, 'data')))).toEqual([1, 2, 1, 2])

    const refused = await run(['start', '--app', 'churn', '--port', '0'])
    expect(refused).toMatchObject({ exit: 78 })
    expect(refused.stderr).toMatch(/APP_HASH_MISMATCH: .*generation 2 of .*is in force.*--back/)
    const again = new Binary([...flags, '--app', 'changed'], { cwd: folder })
    onTestFinished(() => again.kill('SIGKILL'))
    const { appHash } = await statusOf(await again.serving())
    expect(appHash).toBe(second.appHash)
    again.kill('SIGTERM')
    expect(await again.ended).toMatchObject({ exit: 0 })
  },
)

const sql = `SELECT 'e' || i AS event_id, 'c' || i % 4500 AS customer_id, 'session' AS type,
  TIMESTAMP '2025-01-01' + INTERVAL (i) MINUTE AS occurred_at, 60.0 AS duration_seconds,
  'tv' AS device FROM range(15000) AS r(i), read_csv(\${files})`

/** A directory with 15,000 events of 4,500 customers, all committed, and nobody in it. */
async function loaded() {
  const at = await place()
  await writeFile(join(at.folder, 'events.csv'), 'x\n1\n')
  await writeFile(join(at.folder, 'events.sql'), sql)
  const files = ['--from', 'events.csv', '--sql', 'events.sql', '--speed', 'max']
  const start = (env: Record<string, string> = {}) =>
    at.run(['start', '--port', '0', '--exit-when-done'], env)
  expect(await at.run(['start', '--port', '0', '--exit-when-done', ...files])).toMatchObject({
    exit: 0,
  })
  return { ...at, start }
}

test(
  'a rebuild that is killed half-way goes on, and a start that is killed takes over all the same',
  patience,
  async () => {
    const { folder, run, start, verified } = await loaded()
    const killed = await run(['rebuild', '--app', 'changed'], {
      FAILPOINT: 'engine.in-restore:kill:10',
    })
    expect(killed).toMatchObject({ signal: 'SIGKILL' })
    // Nothing is asked for yet.
    expect(await run(['start', '--app', 'churn', '--port', '0', '--exit-when-done'])).toMatchObject(
      {
        exit: 0,
      },
    )
    await verified()
    const rebuilt = await run(['rebuild', '--app', 'changed', '--json'], {
      FAILPOINT: 'rebuild.asked:kill:1',
    })
    expect(rebuilt).toMatchObject({ signal: 'SIGKILL' })
    await verified()
    for (const at of ['engine.in-take-over', 'engine.in-rescore']) {
      expect(await start({ FAILPOINT: `${at}:kill:1` })).toMatchObject({ signal: 'SIGKILL' })
      await verified()
    }
    expect(await start()).toMatchObject({ exit: 0 })
    await verified()
    expect(stays(await expectExactlyOnce(join(folder, 'data')))).toEqual([1, 2])

    // The generation runs as it was stored, whatever its folder says.
    const features = join(folder, 'changed/features.ts')
    const text = await readFile(features, 'utf8')
    await writeFile(features, text.replace("'8d'", "'9d'"))
    expect(await start()).toMatchObject({ exit: 0 })
    await writeFile(features, text)

    expect(await run(['rebuild', '--app', 'changed'])).toMatchObject({
      exit: 78,
      stderr: expect.stringContaining('GENERATION_IN_FORCE') as unknown,
    })
    const back = await run(['rebuild', '--back', '--json'])
    expect(JSON.parse(back.stdout)).toMatchObject({ generation: 1, inForce: false, records: 0 })
    expect(await start()).toMatchObject({ exit: 0 })
    await verified()
    expect(stays(await expectExactlyOnce(join(folder, 'data')))).toEqual([1, 2, 1])
  },
)

test(
  'an owner that is killed as a generation takes over lets the next start finish it',
  patience,
  async () => {
    const { folder, run, verified } = await place()
    const flags = ['start', '--data', 'data', '--generate', '2', '--port', '0', '--json']
    const env = { FAILPOINT: 'engine.in-take-over:kill:1' }
    const owner = new Binary(flags, { cwd: folder, env })
    onTestFinished(() => owner.kill('SIGKILL'))
    await committedBeyond(await owner.serving(), 3)
    const rebuilt = await run(['rebuild', '--app', 'changed'])
    expect(await owner.ended).toMatchObject({ signal: 'SIGKILL' })
    expect(rebuilt).toMatchObject({ exit: 75 })
    const again = new Binary(flags, { cwd: folder })
    onTestFinished(() => again.kill('SIGKILL'))
    const url = await again.serving()
    await committedBeyond(url, (await statusOf(url)).commit)
    again.kill('SIGTERM')
    expect(await again.ended).toMatchObject({ exit: 0 })
    await verified()
    expect(stays(await expectExactlyOnce(join(folder, 'data')))).toEqual([1, 2])
  },
)

test('a declaration that drops what the model reads is refused before anything is made', async () => {
  const { folder, run } = await loaded()
  writeChangedChurn(join(folder, 'less'), less)
  const before = await readFile(join(folder, 'data/app.json'), 'utf8')
  const refused = await run(['rebuild', '--app', 'less'])
  expect(refused).toMatchObject({ exit: 78 })
  expect(refused.stderr).toMatch(/MODEL_MISMATCH: [^]*feature tenure_days +long +absent/)
  expect(await readFile(join(folder, 'data/app.json'), 'utf8')).toBe(before)
  await expect(access(join(folder, 'data/generations/2'))).rejects.toThrow('ENOENT')
  expect(await run(['rebuild', '--back'])).toMatchObject({
    exit: 78,
    stderr: expect.stringContaining('GENERATION_NONE') as unknown,
  })
}, 200_000)
