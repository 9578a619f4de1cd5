/** `tidemark rebuild`, beside a process that runs and without one, killed and undisturbed. */
import { access, cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { Binary, runBinary } from '../support/binary.js'
import { less, writeChangedChurn } from '../support/changed-churn.js'
import {
  committedBeyond,
  expectExactlyOnce,
  place,
  rebuildUnderLoad,
  statusOf,
  stays,
} from '../support/rebuilds.js'
import { sharedFolder } from '../support/temp-folder.js'

const patience = { timeout: 300_000 }
const template = sharedFolder()

/** Sessions of 4,500 customers in turn. */
const sql = (count: number, apartS: number) => `SELECT 'e' || i AS event_id,
  'c' || i % 4500 AS customer_id, 'session' AS type,
  TIMESTAMP '2025-01-01' + INTERVAL (i * ${apartS}) SECOND AS occurred_at,
  60.0 AS duration_seconds, 'tv' AS device FROM range(${count}) AS r(i), read_csv(\${files})`
const files = ['--from', 'events.csv', '--sql', 'events.sql']

async function writeSource(folder: string, query: string): Promise<void> {
  await writeFile(join(folder, 'events.csv'), 'x\n1\n')
  await writeFile(join(folder, 'events.sql'), query)
}

beforeAll(async () => {
  await writeSource(template, sql(5_000, 180))
  const start = ['start', '--data', 'data', '--port', '0', '--exit-when-done', '--speed', 'max']
  const { exit, stderr } = await runBinary([...start, ...files], { cwd: template })
  if (exit !== 0) throw new Error(stderr)
}, 120_000)

/** A directory with 5,000 events of 4,500 customers, all committed, and nobody in it. */
async function loaded() {
  const at = await place()
  await cp(join(template, 'data'), join(at.folder, 'data'), { recursive: true })
  const start = (env: Record<string, string> = {}) =>
    at.run(['start', '--port', '0', '--exit-when-done'], env)
  return { ...at, start }
}

test(
  'a log that grows is rebuilt, goes back, and returns, and verify finds nothing',
  patience,
  async () => {
    const at = await place()
    // Eighty events a second, for longer than all of it takes.
    await writeSource(at.folder, sql(40_000, 40))
    const stayed = await rebuildUnderLoad(at, [...files, '--speed', '3200x'])
    expect(stayed).toEqual([1, 2, 1, 2])
  },
)

test(
  'a rebuild that is killed half-way goes on, and a start that is killed takes over all the same',
  patience,
  async () => {
    const { folder, run, start, verified } = await loaded()
    const killed = await run(['rebuild', '--app', 'changed'], {
      FAILPOINT: 'engine.in-restore:kill:3',
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
    const { folder, run, verified } = await loaded()
    const flags = ['start', '--data', 'data', '--port', '0', '--json']
    const env = { FAILPOINT: 'engine.in-take-over:kill:1' }
    const owner = new Binary(flags, { cwd: folder, env })
    onTestFinished(() => owner.kill('SIGKILL'))
    const before = await statusOf(await owner.serving())
    const rebuilt = await run(['rebuild', '--app', 'changed'])
    expect(await owner.ended).toMatchObject({ signal: 'SIGKILL' })
    expect(rebuilt).toMatchObject({ exit: 75 })
    const again = new Binary(flags, { cwd: folder })
    onTestFinished(() => again.kill('SIGKILL'))
    // Every customer owes a row to the new generation: three commits of them.
    await committedBeyond(await again.serving(), before.commit + 2)
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
