/**
 * The whole of Online Retail through the commands that its README shows: ingest, replay, trainer,
 * start, verify; held against the naive implementation, and tampered with.
 */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ScoreRow } from '../../src/events/output-rows.js'
import type { IngestReport } from '../../src/ingest/ingest.js'
import { countedRecords, type Position } from '../../src/operators/position.js'
import { loadBundle } from '../../src/scoring/bundle.js'
import { OnnxScorer } from '../../src/scoring/onnx-scorer.js'
import { proveBundle } from '../../src/scoring/self-test.js'
import { differences } from '../support/differences.js'
import { NaiveLog } from '../support/naive.js'
import {
  hasOnlineRetail,
  onlineRetailDeclaration,
  onlineRetailFile,
} from '../support/online-retail.js'
import { readParquet } from '../support/parquet.js'
import { eventDifference, recordsOf, withLog } from './example-log.js'
import { readInvoiceLines, type InvoiceLines } from './invoice-lines.js'
import { app, outputs, recordDifference, topics, verifyData } from './retail-app.js'
import { areaUnderCurve, probabilitiesOf } from './retail-scores.js'
import { dropRow, flipScore } from './retail-tamper.js'
import { Walkthrough } from './walkthrough.js'

const linesInFile = 541_909
const linesWithoutCustomer = 135_080
/** Ten instants within the shop's hours, some of them the very minute of an invoice. */
const tenCutoffs = '2011-01-10T12:00..2011-11-21T12:00/35d'
const testCutoff = Date.UTC(2011, 9, 10)
const horizonMs = 60 * 86_400_000

// Machines are shared: the steps take two minutes in all on two idle cores.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 })

describe.skipIf(!hasOnlineRetail)(`Online Retail (skipped without ${onlineRetailFile})`, () => {
  let folder: string
  let walk: Walkthrough
  let data: string
  let lines: InvoiceLines
  let ingested: IngestReport
  const models = (kind: string): string => join(folder, 'retail-models', kind)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-retail-'))
    data = join(folder, 'retail')
    const root = fileURLToPath(new URL('../..', import.meta.url))
    walk = new Walkthrough({
      readme: 'examples/online-retail/README.md',
      places: { ' data/': ` ${folder}/`, 'online_retail.csv.gz': join(root, onlineRetailFile) },
    })
    const ingesting = walk.run('ingest', walk.shown('tidemark ingest'), { more: '--json' })
    lines = await walk.timed('lines read without the ingest', () =>
      readInvoiceLines(join(root, onlineRetailFile)),
    )
    ingested = JSON.parse((await ingesting).stdout) as IngestReport
  })

  afterAll(async () => {
    walk.close()
    process.stdout.write(`Online Retail\n${walk.summary}\n`)
    await rm(folder, { recursive: true, force: true })
  })

  test('every line of the file is an event or a reject, and is what it says', async () => {
    expect(ingested).toMatchObject({ rows: linesInFile, done: true, older: 0 })
    expect(lines.count).toBe(linesInFile)
    expect(lines.nameless).toHaveLength(linesWithoutCustomer)
    const taken = lines.records.filter(({ type }) => type === 'cancellation')
    expect([lines.records.length, taken.length]).toEqual([406_829, 8905])
    expect(lines.records[0].loggedAt).toBe(Date.UTC(2010, 11, 1, 8, 26))
    expect(lines.records.at(-1)!.loggedAt).toBe(Date.UTC(2011, 11, 9, 12, 50))
    await withLog(data, async (log) => {
      const difference = await walk.timed('every event compared with its line', () =>
        eventDifference(log, app, lines.records),
      )
      expect(difference).toBeNull()
      const codes = new Map<string, number>()
      const rows = new Set<string>()
      for await (const { headers } of recordsOf(log, topics.rejects)) {
        const told = new Map(headers!.map(([name, value]) => [name, value.toString()]))
        const code = told.get('tidemark.errors.code')!
        codes.set(code, (codes.get(code) ?? 0) + 1)
        rows.add(told.get('tidemark.errors.row')!)
      }
      expect([...codes]).toEqual([['KEY_MISSING', linesWithoutCustomer]])
      expect(rows.size).toBe(linesWithoutCustomer)
    })
  })

  test('the same file is not loaded twice', async () => {
    const command = walk.shown('tidemark ingest')
    const { stderr } = await walk.run('ingest again', command, { exit: 78 })
    expect(stderr).toContain('tidemark: INGEST_DONE: online_retail.csv.gz with this query is')
  })

  test('an ingest that is killed and resumed leaves the same log', async () => {
    const other = join(folder, 'killed')
    const command = walk.shown('tidemark ingest').replace(data, other)
    const kills = ['log.in-sync:kill:40', 'ingest.after-commit:kill:30']
    for (const failpoint of kills) {
      await walk.run(`ingest until ${failpoint}`, command, { failpoint, exit: 137 })
    }
    const { stdout } = await walk.run('ingest resumed', command, { more: '--json' })
    const { rows, resumedFrom } = JSON.parse(stdout)
    expect(rows).toBe(linesInFile)
    expect(resumedFrom).toBeGreaterThan(300_000)
    await walk.timed('the two logs compared', () =>
      withLog(data, (whole) =>
        withLog(other, async (resumed) => {
          for (const topic of [topics.events, topics.rejects]) {
            expect(await recordDifference(whole, resumed, topic)).toBeNull()
          }
        }),
      ),
    )
    await rm(other, { recursive: true })
  })

  test('replay has the naive values in every row of ten cut-offs', async () => {
    const out = join(folder, 'ten.parquet')
    const command = `npx tidemark replay --data ${data} --cutoffs ${tenCutoffs} --out ${out}`
    const replaying = walk.run('replay of ten cut-offs', command)
    const due = await walk.timed('the same rows, naively', () => {
      const naive = new NaiveLog(lines.records, onlineRetailDeclaration)
      return Array.from({ length: 10 }, (_, i) => Date.UTC(2011, 0, 10 + i * 35, 12)).flatMap(
        (at) => naive.cutoff(at, 'known'),
      )
    })
    await replaying
    const rows = await readParquet(out)
    expect(rows).toHaveLength(due.length)
    const { spec } = onlineRetailDeclaration
    const wrong = due.flatMap((row, i) => {
      const head = { customer_id: row.customer, as_of: row.asOf, label: row.label }
      expect(rows[i]).toMatchObject({ ...head, label_time: row.labelTime })
      const values = spec.features.map(({ name }) => rows[i][name])
      const found = differences(spec, values, row.values)
      return found.map((text) => `${row.customer} at ${row.asOf}: ${text}`)
    })
    expect(wrong).toEqual([])
    expect(due.length).toBeGreaterThan(15_000)
    walk.tell(`${due.length} rows of ${spec.features.length} features equal the naive ones`)
  })

  test('models learn from the past and tell who will lapse', async () => {
    for (const part of ['tidemark replay', 'tidemark_trainer']) {
      const { stdout } = await walk.run(part, walk.shown(part))
      if (part === 'tidemark_trainer') walk.tell(stdout.trim())
    }
    const rows = await readParquet(join(folder, 'retail-train.parquet'))
    const test = rows.filter((row) => row['as_of'] === testCutoff)
    expect(test).toHaveLength(2219)
    for (const kind of ['lr', 'xgb']) {
      const bundle = await loadBundle(models(kind))
      const scorer = await OnnxScorer.open(bundle, app.engine.columns)
      const proof = await proveBundle(bundle, scorer, app.engine.columns)
      expect(proof.rows).toBeGreaterThan(50)
      expect(proof.largestDifference).toBeLessThanOrEqual(1e-6)
      const told = JSON.parse(await readFile(join(models(kind), 'bundle.json'), 'utf8'))
      const auc = areaUnderCurve(test, await probabilitiesOf(scorer, test))
      // Python's figure on its own scores and ours on ours: two ways to the same number.
      expect(auc).toBeCloseTo(told.metrics.test.auc, 5)
      expect(auc).toBeGreaterThanOrEqual(0.72)
      const { to, validationCutoffs } = told.trainingWindow
      expect(Date.parse(to) + horizonMs).toBeLessThanOrEqual(Date.parse(validationCutoffs[0]))
      expect(Date.parse(validationCutoffs.at(-1)) + horizonMs).toBeLessThanOrEqual(testCutoff)
      walk.tell(
        `${kind}: test AUC ${auc.toFixed(4)}; ${proof.bitsEqual} of ${proof.rows} parity rows ` +
          `equal Python's to the bit, largest difference ${proof.largestDifference}`,
      )
      await scorer.close()
    }
  })

  test('the trained model scores every customer live, and all lines are accounted for', async () => {
    const hash = (await readFile(join(models('lr'), 'HASH'), 'utf8')).trim()
    const started = walk.spawn(walk.shown('tidemark start'), { more: '--port 0 --json' })
    await walk.timed('start, until all is scored', async () => {
      await expect.poll(() => started.stdout, { timeout: 60_000 }).toContain('serving')
      const { url } = JSON.parse(started.stdout) as { url: string }
      const status = async (): Promise<object> =>
        ((await (await fetch(`${url}/v1/status`)).json()) as { partitions: object[] }).partitions[0]
      await expect
        .poll(status, { timeout: 300_000, interval: 500 })
        .toMatchObject({ endOffset: 406_829, caughtUp: true, timersOverdueSeconds: 0 })
      const answer = await (await fetch(`${url}/v1/customers/17850`)).json()
      expect(answer).toMatchObject({
        score: { bundle: { hash }, servedBy: { hash }, degraded: null },
        freshness: { status: 'unproven', reason: 'historic' },
        synthetic: false,
      })
    })
    started.signal('SIGINT')
    expect(await started.ended).toMatchObject({ exit: 0 })

    await withLog(data, async (log) => {
      const position = (await log.last(topics.changelog, 0))!
      const { counts } = JSON.parse(position.value!.toString()) as Position
      expect(countedRecords(counts) + linesWithoutCustomer).toBe(linesInFile)
      expect(counts).toEqual({
        accepted: 406_829,
        duplicates: 0,
        late: 0,
        erasures: 0,
        rejected: {},
        flagged: counts.flagged,
      })
      expect(counts.flagged).toMatchObject({ priced: 40 })
      const last = new Map<string, ScoreRow>()
      for await (const { key, value } of recordsOf(log, topics.scores)) {
        last.set(key!.toString(), outputs.decodeScore(value!))
      }
      expect(last.size).toBe(4372)
      for (const score of last.values()) {
        expect(score.probability).toBeGreaterThan(0)
        expect(score.probability).toBeLessThan(1)
        expect(score).toMatchObject({ bundle: { hash }, servedBy: { hash }, degraded: null })
      }
    })
  })

  test('verify finds nothing wrong and nothing missing', async () => {
    const command = walk.shown('tidemark verify')
    const { stdout } = await walk.run('verify', command, { more: '--json' })
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({ records: 406_829, uncommitted: 0, mismatches: 0, missing: 0 })
    expect(report).toMatchObject({ bundlesMissing: {}, scoresWithin: 0, findings: [] })
    expect(report.features).toBe(report.scores)
    walk.tell(`verify: ${report.scores} scores of ${report.commits} commits`)
  })

  test('verify names a flipped byte of one score, and one row that was dropped', async () => {
    for (const tamper of [flipScore, dropRow]) {
      const copy = join(folder, 'tampered')
      await cp(data, copy, { recursive: true })
      const { kind, customer, commit, topic } = await tamper(copy)
      const command = walk.shown('tidemark verify').replace(data, copy)
      const { stdout, stderr } = await walk.run(`verify, ${kind} due`, command, { exit: 1 })
      const bundles = ['lr', 'xgb'].map(models)
      const report = await walk.timed('the same by the function', () => verifyData(copy, bundles))
      const named = { kind, customer, commit, topic }
      expect(report).toMatchObject({ ok: false, findings: [named] })
      expect([report.mismatches, report.missing]).toEqual(kind === 'missing' ? [0, 1] : [1, 0])
      expect(stderr).toContain('tidemark: VERIFY_FAILED: ')
      const line = `${kind}: customer "${customer}", commit ${commit} of partition 0, ${topic}`
      expect(stdout).toContain(line)
      await rm(copy, { recursive: true })
    }
  })

  test('every command of the README was run', async () => {
    expect(walk.unrun).toEqual([])
  })
})
