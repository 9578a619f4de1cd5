/** A world that refuses: a full disk, a directory in use, a model gone mad, a question about nobody. */
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { topicsOf } from '../../src/log/log.js'
import { countedRecords, type Position } from '../../src/operators/position.js'
import { Binary, runBinary } from '../support/binary.js'
import { canMount, smallDisk } from '../support/small-disk.js'
import { sharedFolder, tempFolder } from '../support/temp-folder.js'
import { bundleOf } from './bad-input/bad-models.js'
import {
  makeShared,
  once,
  Place,
  recordsOf,
  scoresOf,
  type Shared,
  withLog,
} from './bad-input/place.js'

const folder = sharedFolder()
let shared: Shared
beforeAll(async () => {
  shared = await makeShared(join(folder, 'shared'))
}, 120_000)

const patience = { timeout: 240_000 }

test(
  'a second process on a directory is refused, and the first one goes on',
  patience,
  async () => {
    const place = new Place(await tempFolder(), shared)
    const first = new Binary(['start', '--data', place.data(), '--port', '0', '--json'])
    const url = await first.serving()
    for (const command of ['start --port 0', 'scrub']) {
      const second = await runBinary([...command.split(' '), '--data', place.data()])
      expect(second.exit).toBe(78)
      expect(second.stderr).toMatch(/^tidemark: DIRECTORY_LOCKED: .* is locked by pid \d+; .*\n$/)
    }
    expect((await fetch(`${url}/v1/customers/short`)).status).toBe(200)
    first.kill('SIGINT')
    expect(await first.ended).toMatchObject({ exit: 0, signal: null })
    expect(await place.faults()).toEqual([])
  },
)

test('B34: nobody has no answer but a problem with a code', patience, async () => {
  const place = new Place(await tempFolder(), shared)
  const process = new Binary(['start', '--data', place.data(), '--port', '0', '--json'])
  const url = await process.serving()
  const answer = await fetch(`${url}/v1/customers/nobody%0Aat%20all`)
  expect(answer.status).toBe(404)
  expect(answer.headers.get('content-type')).toContain('application/problem+json')
  expect(await answer.json()).toMatchObject({
    status: 404,
    code: 'CUSTOMER_NOT_FOUND',
    detail: expect.stringContaining('"nobody\\nat all"') as unknown,
  })
  process.kill('SIGINT')
  expect(await process.ended).toMatchObject({ exit: 0 })
})

describe.each([
  ['nan-where-large', 'SCORE_INVALID'],
  ['minus-one-where-large', 'SCORE_INVALID'],
  ['throws-where-large', 'SCORER_FAILED'],
])('B32: a model that answers badly at run time (%s)', (graph, reason) => {
  test(`costs its own row only, and the fallback serves it: ${reason}`, patience, async () => {
    const place = new Place(await tempFolder(), shared)
    const data = place.path('new')
    const models = ['--model', bundleOf(place, graph), '--fallback', 'bundles/churn/fallback']
    const source = ['--from', shared.csv, '--sql', shared.sql]
    const end = await runBinary(['start', '--data', data, ...source, ...models, ...once])
    expect(end).toMatchObject({ exit: 0 })
    expect(end.stderr).toContain(`model ${graph} failed reason=${reason}`)
    const scores = await scoresOf(data)
    expect(scores.get('short')).toMatchObject({ degraded: null, servedBy: { name: graph } })
    const long = scores.get('long')!
    expect(long.degraded).toBe(reason)
    expect(long.bundle.name).toBe(graph)
    expect(long.servedBy.name).not.toBe(graph)
    expect(long.probability).toBeGreaterThanOrEqual(0)
    expect(await runBinary(['verify', '--data', data])).toMatchObject({ exit: 0 })
  })
})

test('B32: where the fallback fails too, the score is null and says so', patience, async () => {
  const place = new Place(await tempFolder(), shared)
  const data = place.path('new')
  const bundle = bundleOf(place, 'nan-where-large')
  const source = ['--from', shared.csv, '--sql', shared.sql]
  const models = ['--model', bundle, '--fallback', bundle]
  const end = await runBinary(['start', '--data', data, ...source, ...models, ...once])
  expect(end).toMatchObject({ exit: 0 })
  expect((await scoresOf(data)).get('long')).toMatchObject({
    probability: null,
    risk: 'unknown',
    decision: null,
    degraded: 'FALLBACK_FAILED',
  })
})

test('rows that cannot be events are rejects of their load, which goes on', patience, async () => {
  const place = new Place(await tempFolder(), shared)
  const csv = place.write(
    'rows.csv',
    `event_id,customer_id,occurred_at,seconds
e1,short,2026-01-01 10:00:00,60
e2,,2026-01-01 11:00:00,60
e3,short,1970-01-01 11:00:00,60
e4,short,,60
e5,short,2026-01-01 12:00:00,nan
e6,${'x'.repeat(1_100_000)},2026-01-01 12:00:00,60
e7,short,2026-01-01 13:00:00,60
`,
  )
  const source = ['--from', csv, '--sql', shared.sql, '--data', place.path('new')]
  const end = await runBinary(['ingest', ...source, '--json'])
  expect(end).toMatchObject({ exit: 0 })
  expect(JSON.parse(end.stdout)).toMatchObject({ rows: 7, appended: 2, rejected: 5 })
  const codes = await withLog(place.path('new'), async (log) => {
    const rejects = await recordsOf(log, topicsOf('churn').rejects)
    return rejects.map(({ headers }) => {
      const texts = Object.fromEntries((headers ?? []).map(([name, it]) => [name, it.toString()]))
      expect(texts['tidemark.errors.stage']).toBe('ingest')
      return texts['tidemark.errors.code']
    })
  })
  expect(codes.sort()).toEqual([
    'KEY_MISSING',
    'NUMBER_RANGE',
    'RECORD_TOO_LARGE',
    'TIMESTAMP_RANGE',
    'TIMESTAMP_RANGE',
  ])
})

test(
  'a log from a backup is the truth: state and snapshots ahead of it are made again',
  patience,
  async () => {
    const place = new Place(await tempFolder(), shared)
    const more = place.write(
      'more.csv',
      'event_id,customer_id,occurred_at,seconds\n' +
        'e8,short,2026-01-03 10:00:00,60\ne9,later,2026-01-03 11:00:00,60\n',
    )
    const load = ['ingest', '--data', place.data(), '--from', more, '--sql', shared.sql]
    expect(await runBinary(load)).toMatchObject({ exit: 0 })
    expect(await runBinary(['start', '--data', place.data(), ...once])).toMatchObject({ exit: 0 })
    rmSync(place.path('data/log'), { recursive: true })
    cpSync(join(shared.data, 'log'), place.path('data/log'), { recursive: true })
    // The log says of itself how much it held when it was closed, and that has to come with it.
    const half = await runBinary(['start', '--data', place.data(), ...once])
    expect(half).toMatchObject({ exit: 74 })
    expect(half.stderr).toMatch(/LOG_DAMAGED: .*log\.id comes with it/)
    cpSync(join(shared.data, 'log.id'), place.path('data/log.id'))
    const started = new Binary(['start', '--data', place.data(), '--port', '0', '--json'])
    const url = await started.serving()
    const answer = async () =>
      (await (await fetch(`${url}/v1/customers/short`)).json()) as { readonly coordinates: object }
    await expect.poll(answer).toMatchObject({ features: { logins_last_7_days: 2 } })
    expect((await answer()).coordinates).toMatchObject({ endOffset: 3, commit: 1 })
    expect(await (await fetch(`${url}/v1/customers/later`)).json()).toMatchObject({ status: 404 })
    started.kill('SIGINT')
    const end = await started.ended
    expect(end).toMatchObject({ exit: 0 })
    expect(end.stderr).toMatch(/store of partition 0 set aside as .*; the log holds offset 3/)
    expect(end.stderr).toMatch(
      /snapshot store: it holds commit \d+ of partition 0; the log holds 1/,
    )
    expect(await place.faults()).toEqual([])
  },
)

test(
  'on a full disk it stops with 74, and with room again nothing is lost or doubled',
  patience,
  async ({ skip }) => {
    skip(!canMount, 'a small disk is a tmpfs, which this user must not mount')
    const place = new Place(await tempFolder(), shared)
    const rows = 60_000
    const csv = place.path('many.csv')
    writeFileSync(csv, manySessions(rows))
    const source = ['--from', csv, '--sql', shared.sql, ...once]
    const disk = await smallDisk(128)
    await disk.fill(3_000)
    const data = join(disk.folder, 'data')
    const start = ['start', '--data', data, ...source]
    for (const _ of ['while it loads', 'and when it is started on the full disk']) {
      const end = await runBinary(start)
      expect(end.stderr).toMatch(/^tidemark: DISK_FULL: .*/m)
      expect(end.stderr.match(/^tidemark: /gm)).toHaveLength(1)
      expect(end.exit).toBe(74)
    }
    await disk.release()
    expect(await runBinary(start)).toMatchObject({ exit: 0 })
    expect(existsSync(join(data, 'lock'))).toBe(false)

    const reference = place.path('reference')
    expect(await runBinary(['start', '--data', reference, ...source])).toMatchObject({ exit: 0 })
    const came = await outcomeOf(data)
    expect(came.ids).toHaveLength(rows)
    expect(new Set(came.ids).size).toBe(rows)
    expect(came.accounted).toBe(rows)
    expect(came.commits).toEqual(came.commits.map((_, index) => index + 1))
    expect(came.probabilities).toEqual((await outcomeOf(reference)).probabilities)
    expect(await runBinary(['verify', '--data', data])).toMatchObject({ exit: 0 })
  },
)
function manySessions(rows: number): string {
  const start = Date.UTC(2026, 0, 1)
  const lines = Array.from({ length: rows }, (_, row) => {
    const at = new Date(start + row * 20_000).toISOString().slice(0, 19)
    return `e${row},c${row % 500},${at},${row % 3000}`
  })
  return ['event_id,customer_id,occurred_at,seconds', ...lines, ''].join('\n')
}

/** What a data directory says happened. */
async function outcomeOf(data: string) {
  const topics = topicsOf('churn')
  const log = await withLog(data, async (it) => ({
    ids: (await recordsOf(it, topics.events)).map(({ value }) => /e\d+/.exec(String(value))![0]),
    positions: (await recordsOf(it, topics.changelog)).map(
      ({ value }) => JSON.parse(String(value)) as Position,
    ),
  }))
  const scores = await scoresOf(data)
  return {
    ids: log.ids,
    commits: log.positions.map(({ commit }) => commit),
    accounted: countedRecords(log.positions.at(-1)!.counts),
    probabilities: [...scores].map(([id, { probability }]) => `${id} ${probability}`).sort(),
  }
}
