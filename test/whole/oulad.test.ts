/**
 * The Open University data through the commands that the example's README shows: all of it into a
 * log and a replay, held against plain JavaScript and the naive implementation; three of the seven
 * modules also through trainer, start and verify.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { IngestReport } from '../../src/ingest/ingest.js'
import { differences } from '../support/differences.js'
import { NaiveLog } from '../support/naive.js'
import { readParquet } from '../support/parquet.js'
import { eventDifference, rejectCodes, withLog } from '../examples/example-log.js'
import { app, declaration } from '../examples/oulad-app.js'
import {
  dueEvents,
  hasOulad,
  ouladFolder,
  readTables,
  writeTables,
  type DueEvents,
  type Tables,
} from '../examples/oulad-tables.js'
import { Walkthrough } from '../examples/walkthrough.js'

const readme = 'examples/oulad/README.md'
const dayMs = 86_400_000
/** Mondays after a class list: the beginning, the middle and the end of presentations. */
const fiveCutoffs = '2013-03-04..2015-04-27/196d'
const smallModules = ['AAA', 'EEE', 'GGG']

// Machines are shared: beside a dozen other processes on two cores the steps take five minutes.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 })

describe.skipIf(!hasOulad)(`Open University (skipped without ${ouladFolder})`, () => {
  let folder: string
  let whole: Walkthrough
  let small: Walkthrough
  let tables: Tables
  let due: DueEvents
  let ingested: IngestReport

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-oulad-'))
    const root = fileURLToPath(new URL('../..', import.meta.url))
    whole = new Walkthrough({
      readme,
      places: { ' data/': ` ${folder}/`, ' oulad/': ` ${join(root, ouladFolder)}/` },
    })
    small = new Walkthrough({
      readme,
      places: { ' data/': ` ${folder}/small/`, ' oulad/': ` ${folder}/tables/` },
    })
    await mkdir(join(folder, 'tables'))
    const command = whole.shown('tidemark ingest')
    const ingesting = whole.run('ingest', command, { more: '--json' })
    tables = await whole.timed('tables read without the ingest', () => readTables())
    due = await whole.timed('the events that are due', () => dueEvents(tables))
    ingested = JSON.parse((await ingesting).stdout) as IngestReport
  })

  afterAll(async () => {
    for (const walk of [whole, small]) {
      walk.close()
      process.stdout.write(`Open University\n${walk.summary}\n`)
    }
    await rm(folder, { recursive: true, force: true })
  })

  test('every row of the tables is an event, a reject, or left out for a reason', async () => {
    const results = tables.student_assessment
    const kinds = new Map(tables.assessment.map((row) => [row['id_assessment'], row]))
    const counted = (type: string): number => due.records.filter((one) => one.type === type).length
    const banked = results.filter((row) => row['is_banked'] === '1')
    const unmarked = results.filter((row) => row['score'] === '')
    const exams = results.filter(
      (row) => kinds.get(row['id_assessment'])!['assessment_type'] === 'Exam',
    )
    expect({
      registrations: [tables.student_registration.length, counted('registration')],
      undated: due.undated.length,
      withdrawals: counted('withdrawal'),
      results: results.length,
      submissions: [counted('submission'), results.length - banked.length],
      marks: [counted('mark'), results.length - unmarked.length - exams.length],
      leftOut: [banked.length, unmarked.length, exams.length],
      lists: counted('class_list'),
    }).toEqual({
      registrations: [32_593, 32_548],
      undated: 45,
      withdrawals: 10_072,
      results: 173_912,
      submissions: [172_003, 172_003],
      marks: [168_780, 168_780],
      leftOut: [1909, 173, 4959],
      lists: 234_959,
    })
    const { length } = due.records
    expect(ingested).toMatchObject({ rows: length + 45, appended: length, rejected: 45, older: 0 })
    await withLog(join(folder, 'oulad'), async (log) => {
      const difference = await whole.timed('every event compared with its row', () =>
        eventDifference(log, app, due.records),
      )
      expect(difference).toBeNull()
      expect([...(await rejectCodes(log, app.name))]).toEqual([['TIMESTAMP_RANGE', 45]])
    })
  })

  test('replay has the naive values and labels in every row of five cut-offs', async () => {
    const out = join(folder, 'five.parquet')
    const command = whole.shown('tidemark replay').replace(/--cutoffs .*/, '')
    const asked = `${command} --cutoffs ${fiveCutoffs} --out ${out}`
    const replaying = whole.run('replay of five cut-offs', asked)
    const naiveRows = await whole.timed('the same rows, naively', () => {
      const naive = new NaiveLog(due.records, declaration)
      expect(naive.decisions.every(({ outcome }) => outcome === 'accepted')).toBe(true)
      return Array.from({ length: 5 }, (_, i) =>
        naive.cutoff(Date.UTC(2013, 2, 4) + i * 196 * dayMs, 'known'),
      ).flat()
    })
    await replaying
    const rows = await readParquet(out)
    expect(rows).toHaveLength(naiveRows.length)
    const { spec } = declaration
    const wrong = naiveRows.flatMap((row, i) => {
      const head = [row.customer, row.asOf, row.label, row.labelTime]
      const told = ['customer_id', 'as_of', 'label', 'label_time'].map((name) => rows[i][name])
      const values = spec.features.map(({ name }) => rows[i][name])
      const found = differences(spec, values, row.values)
      if (head.some((value, j) => value !== told[j])) found.push(`the label is ${told[2]}`)
      return found.map((text) => `${row.customer} at ${row.asOf}: ${text}`)
    })
    expect(wrong).toEqual([])
    expect(rows).toHaveLength(37_977)
    whole.tell(`${rows.length} rows of ${spec.features.length} features equal the naive ones`)

    // Nobody is asked who has withdrawn already, and the labels are the next 28 days.
    const withdrawn = new Map(
      due.records
        .filter(({ type }) => type === 'withdrawal')
        .map(({ body }) => [body.customer_id, body.occurred_at]),
    )
    const days = naiveRows.map(
      ({ customer, asOf }) => ((withdrawn.get(customer) ?? Infinity) - asOf) / dayMs,
    )
    expect(days.filter((day) => day < 0)).toEqual([])
    expect(naiveRows.map(({ label }) => label)).toEqual(days.map((day) => (day < 28 ? 1 : 0)))
  })

  test('three modules go through every command of the README', async () => {
    writeTables(tables, smallModules, join(folder, 'tables'))
    await small.run('ingest of three modules', small.shown('tidemark ingest'))
    // None of the three began in February 2013.
    const replay = small.shown('tidemark replay').replace('2013-02-04', '2013-10-14')
    await small.run('replay of all cut-offs', replay)
    const { stdout } = await small.run('trainer', small.shown('tidemark_trainer'))
    small.tell(stdout.trim())
    const start = small.shown('tidemark start')
    await small.run('start with models', start, { more: '--port 0 --exit-when-done' })
    const verify = small.shown('tidemark verify')
    const report = JSON.parse((await small.run('verify', verify, { more: '--json' })).stdout)
    expect(report).toMatchObject({ uncommitted: 0, mismatches: 0, missing: 0, findings: [] })
    expect(report).toMatchObject({ bundlesMissing: {}, scoresWithin: 0 })
    small.tell(`verify: ${report.scores} scores of ${report.commits} commits`)
    expect(small.unrun).toEqual([])
  })

  test('a module started from its files is verified without a mismatch or a gap', async () => {
    writeTables(tables, ['AAA'], join(folder, 'tables'))
    const live = join(folder, 'live')
    const start = small
      .shown('tidemark ingest')
      .replace('ingest', 'start')
      .replace(/--data \S+/, `--data ${live} --speed max --port 0 --exit-when-done`)
    await small.run('start from files', start)
    const { stdout } = await small.run(
      'verify of it',
      `npx tidemark verify --app examples/oulad --data ${live} --json`,
    )
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({ uncommitted: 0, mismatches: 0, missing: 0, findings: [] })
    expect(report.records).toBe(
      due.records.filter(({ body }) => body.customer_id.startsWith('AAA')).length,
    )
  })
})
