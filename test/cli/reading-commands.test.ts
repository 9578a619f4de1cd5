/** What the reading commands tell of a directory that nobody has open. */
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { composeStart } from '../../src/cli/compose-start.js'
import { explainCommand } from '../../src/cli/explain.js'
import { historyCommand } from '../../src/cli/history.js'
import { ingestCommand } from '../../src/cli/ingest.js'
import { modelsCommand } from '../../src/cli/models.js'
import { runProgram } from '../../src/cli/program.js'
import { rejectsCommand } from '../../src/cli/rejects.js'
import { startCommand } from '../../src/cli/start.js'
import { sharedFolder } from '../support/temp-folder.js'
import { TestIo } from './io.js'

const commands = [
  startCommand(composeStart),
  ingestCommand,
  historyCommand,
  rejectsCommand,
  explainCommand,
  modelsCommand,
]
const folder = sharedFolder()

/** Runs a command line in the folder. */
async function tidemark(line: string) {
  const io = new TestIo(false, folder)
  const code = await runProgram(line.split(' '), io, commands)
  return { code, out: io.stdout, err: io.stderr }
}

async function done(line: string): Promise<void> {
  const { code, err } = await tidemark(line)
  if (code !== 0) throw new Error(err)
}

async function json<T>(line: string): Promise<T> {
  const { code, out, err } = await tidemark(`${line} --json`)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out) as T
}

/** An hourly session of three customers in turn; each hundredth row is nobody's, each 250th too long. */
const sql = (where: string) => `SELECT
  CASE WHEN i = 996 THEN chr(27) || '[31m' ELSE 'e' || i END AS event_id, CASE WHEN i % 100 <> 99 THEN 'c' || i % 3 END AS customer_id,
  'session' AS type, TIMESTAMP '2025-01-01' + INTERVAL (i) HOUR AS occurred_at,
  CASE WHEN i % 250 = 1 THEN 1e6 ELSE i END AS duration_seconds, 'tv' AS device
  FROM range(1000) AS r(i), read_csv(\${files}) WHERE ${where}`
const hour = 3_600_000
const begin = Date.parse('2025-01-01T00:00:00Z')

beforeAll(async () => {
  await writeFile(join(folder, 'events.csv'), 'x\n1\n')
  await writeFile(join(folder, 'early.sql'), sql('i < 900'))
  await writeFile(join(folder, 'later.sql'), sql('i >= 900'))
  for (const part of ['early', 'later']) {
    await done(`ingest --data data --sql ${part}.sql --from events.csv`)
    if (part === 'early') await cp(join(folder, 'data'), join(folder, 'fresh'), { recursive: true })
    await done('start --data data --port 0 --exit-when-done')
  }
}, 120_000)

interface Explanation {
  features: { name: string; value: unknown; validUntil: string | null; events: number }[]
  events: { occurredAt: string; offset: number; readBy: string[]; fields: { event_id: string } }[]
  eventsInAll: number
  score: { probability: number } | null
  coordinates: { endOffset: number; asOf: string; commit: number | null }
  validUntil: string | null
  retired: boolean
}

function feature({ features }: Explanation, name: string) {
  return features.find((one) => one.name === name)!
}

describe('history', () => {
  it('tells each step with its instant, its score, what moved and its coordinates', async () => {
    const { customer, steps, synthetic } = await json<{
      customer: string
      steps: {
        asOf: string
        score: { probability: number; movedBy: number | null }
        changed: { feature: string }[] | null
        coordinates: object
      }[]
      synthetic: boolean
    }>('history c1 --data data')
    expect([customer, synthetic]).toEqual(['c1', false])
    expect(steps.length).toBeGreaterThan(1)
    expect(steps[0].coordinates).toMatchObject({ topic: 'churn.events', partition: 0 })
    const [first] = (await json<{ steps: object[] }>('history c1 --data data --limit 1')).steps
    expect(first).toEqual(steps[0])
    const { out } = await tidemark('history c1 --data data --limit 2')
    expect(out).toContain('"c1": 2 steps, newest first\n')
    expect(out).toContain(steps[0].asOf)
    expect(out).toMatch(/score 0\.\d{4} → 0\.\d{4}, risk /)
    expect(out).toMatch(/commit \d+: churn\.events 0 before offset \d+/)
  })
})

describe('rejects', () => {
  interface Listed {
    rejects: {
      partition: number
      offset: number
      code: string
      time: string
      cut: boolean
      value: { text?: string; hex?: string }
    }[]
    counts: Record<string, number>
  }

  it('lists the newest of them, newest last, and counts all by their code', async () => {
    const { rejects, counts } = await json<Listed>('rejects list --data data')
    expect(counts).toEqual({ FIELD_RANGE: 4, KEY_MISSING: 10 })
    expect(rejects).toHaveLength(14)
    const times = rejects.map(({ time }) => time)
    expect(times).toEqual([...times].sort())
    const some = await json<Listed>('rejects list --data data --code KEY_MISSING --limit 2')
    expect(some.counts).toEqual(counts)
    expect(some.rejects).toEqual(rejects.filter(({ code }) => code === 'KEY_MISSING').slice(-2))
    const { out } = await tidemark('rejects list --data data --limit 3')
    expect(out).toContain('10 KEY_MISSING\n14 rejects, 3 of them above\n')
  })

  it('shows a record with its place, its bytes and the event that they are', async () => {
    const { rejects } = await json<Listed>('rejects list --data data --code FIELD_RANGE')
    const { partition, offset, value } = rejects[0]
    expect(value.hex).toMatch(/^00000000/)
    const shown = await json<Record<string, unknown>>(
      `rejects show ${partition}:${offset} --data data`,
    )
    expect(shown).toMatchObject({
      code: 'FIELD_RANGE',
      stage: 'rules',
      field: '/duration_seconds',
      record: { topic: 'churn.events', partition: 0 },
      row: null,
      attempt: 1,
      cut: false,
      event: { type: 'session', fields: { event_id: 'e1', duration_seconds: 1e6 } },
    })
  })

  it('shows a row that an ingest refused as the text that it is', async () => {
    const { rejects } = await json<Listed>('rejects list --data data --code KEY_MISSING')
    const { partition, offset } = rejects[0]
    const { out } = await tidemark(`rejects show ${partition}:${offset} --data data`)
    expect(out).toContain('record            row 100 of an ingest\n')
    expect(out).toMatch(/value {13}\{.*"event_id":"e99"/)
  })
})

describe('explain', () => {
  it('tells the values of the newest commit, each with the events that it counts', async () => {
    const told = await json<Explanation>('explain c1 --data data --events 3')
    expect(told.coordinates).toMatchObject({ endOffset: 990, commit: expect.any(Number) })
    const logins = feature(told, 'logins_last_7_days')
    expect(logins.value).toBe(logins.events)
    expect(feature(told, 'age')).toMatchObject({ value: null, events: 0 })
    expect(told.events).toHaveLength(3)
    const times = told.events.map(({ occurredAt }) => occurredAt)
    expect(times).toEqual([...times].sort().reverse())
    expect(told.events[0].readBy).toContain('logins_last_7_days')
    const ends = told.features.flatMap(({ validUntil }) => validUntil ?? [])
    expect(ends.sort()[0]).toBe(told.validUntil)
    const { steps } = await json<{ steps: { score: { probability: number } }[] }>(
      'history c1 --data data --limit 1',
    )
    expect(told.score!.probability).toBe(steps[0].score.probability)
  })

  it('tells an instant of the past as it was known then', async () => {
    const told = await json<Explanation>('explain c0 --data data --as-of 2025-01-11')
    const asOf = Date.parse('2025-01-11T00:00:00Z')
    const from = asOf - 7 * 24 * hour
    let due = 0
    for (let i = 0; i < 1000; i += 3) {
      const at = begin + i * hour
      const isRefused = i % 100 === 99 || i % 250 === 1
      if (at >= from && at < asOf && !isRefused) due++
    }
    expect(feature(told, 'logins_last_7_days')).toMatchObject({ value: due, events: due })
    expect(told.coordinates).toMatchObject({ asOf: '2025-01-11T00:00:00.000Z', commit: null })
    for (const { occurredAt } of told.events) expect(occurredAt < '2025-01-11').toBe(true)
  })

  it('a value holds until the instant that it names, and not longer', async () => {
    const line = 'explain c0 --data data --as-of'
    const told = await json<Explanation>(`${line} 2025-03-01`)
    const logins = feature(told, 'logins_last_30_days')
    const until = Date.parse(logins.validUntil!)
    const before = new Date(until - 1).toISOString()
    expect(feature(await json<Explanation>(`${line} ${before}`), logins.name).value).toBe(
      logins.value,
    )
    const after = feature(await json<Explanation>(`${line} ${logins.validUntil}`), logins.name)
    expect(after.value).not.toBe(logins.value)
  })

  it('a customer who is retired by then has values that go on changing', async () => {
    const told = await json<Explanation>('explain c1 --data data --as-of 2030-01-01')
    expect(told).toMatchObject({ retired: true, eligible: false, eventsInAll: 328 })
    expect(feature(told, 'logins_last_90_days')).toMatchObject({ value: 0, validUntil: null })
    const since = feature(told, 'days_since_last_login')
    expect(since.value).toBeGreaterThan(1700)
    const until = Date.parse(since.validUntil!) - Date.parse('2030-01-01T00:00:00Z')
    expect(until).toBeGreaterThan(0)
    expect(until).toBeLessThanOrEqual(24 * hour)
    expect(told.validUntil).toBe(since.validUntil)
  })

  it('tells of a log on which nothing has run, without a score', async () => {
    const told = await json<Explanation>('explain c1 --data fresh')
    expect(told.score).toBeNull()
    expect(told.coordinates).toMatchObject({ endOffset: 891, commit: null })
    expect(feature(told, 'logins_last_90_days').value).toBeGreaterThan(0)
  })

  it('passes no control character on to a terminal', async () => {
    const { out } = await tidemark('explain c0 --data data')
    expect(out).toContain('event_id "\\u001b[31m"')
    expect(out).not.toContain(String.fromCharCode(27))
  })
})

describe('models', () => {
  interface Model {
    name: string
    version: string
    fits: boolean
    data: { synthetic: boolean }
    folders: string[]
    inForce: { partition: number; since: { commit: number } }[]
    features?: object[]
    metrics?: { test: { auc: number } }
  }

  it('lists what is at hand, and which is in force since which commit', async () => {
    const { models, broken, missing } = await json<{
      models: Model[]
      broken: object[]
      missing: object[]
    }>('models list --data data')
    expect([broken, missing]).toEqual([[], []])
    const inForce = models.filter((model) => model.inForce.length > 0)
    expect(inForce).toMatchObject([
      {
        name: 'churn-demo',
        version: '1',
        fits: true,
        data: { synthetic: true },
        inForce: [{ partition: 0, since: { commit: 1, offset: 0 } }],
      },
    ])
    // The package's, and the copy that the directory keeps.
    expect(inForce[0].folders).toHaveLength(2)
    const { out } = await tidemark('models list --data data')
    expect(out).toContain('trained on synthetic data')
    expect(out).toContain('in force in partition 0 since commit 1')
  })

  it('shows features, metrics and where the data came from', async () => {
    const { models } = await json<{ models: Model[] }>('models show churn-demo/1 --data data')
    // The app's fallback has the champion's name, and another hash.
    expect(models).toHaveLength(2)
    const champion = models.find(({ inForce }) => inForce.length > 0)!
    expect(champion.features).toHaveLength(18)
    expect(champion.metrics!.test.auc).toBeGreaterThan(0.9)
    const { out } = await tidemark('models show churn-demo/1 --data data')
    expect(out).toContain('logins_last_7_days (long)')
    expect(out).toContain('threshold chosen by: greatest value')
  })
})

describe('what cannot be told', () => {
  it.each([
    ['history nobody --data data', 74, 'CUSTOMER_NOT_FOUND: no event of customer "nobody"'],
    ['history c1 --data fresh', 74, 'CUSTOMER_NOT_FOUND'],
    ['history c1 --data none', 78, 'DATA_MISSING'],
    ['history c1 --data data --limit 101', 2, 'a number of steps is a whole number from 1 to 100'],
    [`history ${'x'.repeat(257)} --data data`, 2, 'a customer id has 1 to 256 bytes'],
    ['history', 2, 'ARGUMENT_MISSING'],
    ['explain nobody --data data', 74, 'CUSTOMER_NOT_FOUND'],
    ['explain c1 --data data --as-of 2024-12-31', 74, 'was seen before 2024-12-31T00:00:00.000Z'],
    ['explain c1 --data data --as-of soon', 2, 'an instant is written 2011-03-01'],
    ['explain c1 --data none', 78, 'DATA_MISSING'],
    ['rejects show 0:999 --data data', 74, 'REJECT_NOT_FOUND: churn.rejects partition 0 has no'],
    ['rejects show 7:0 --data data', 74, 'REJECT_NOT_FOUND'],
    ['rejects show 12 --data data', 2, 'a place is PARTITION:OFFSET'],
    ['rejects list --data none', 78, 'DATA_MISSING'],
    ['models show churn-demo/99 --data data', 78, 'BUNDLE_MISSING: no bundle is churn-demo/99'],
    ['models show churn-demo --data data', 2, 'a model is NAME/VERSION'],
    ['models list --data none', 78, 'DATA_MISSING'],
  ])('%s ends with %i', async (line, due, text) => {
    const { code, err } = await tidemark(line)
    expect(err).toContain(text)
    expect(code).toBe(due)
  })

  it.each(['history', 'explain', 'rejects list', 'rejects show', 'models list', 'models show'])(
    'the help of %s has an example',
    async (command) => {
      const { code, out } = await tidemark(`${command} --help`)
      expect(out).toContain(`Example:\n  tidemark ${command}`)
      expect(code).toBe(0)
    },
  )
})
