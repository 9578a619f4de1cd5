/**
 * Online Retail through the commands that its README shows: ingest, replay, trainer, start, verify;
 * held against the naive implementation, and tampered with.
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

/** Which lines of the file are walked through, and what there is to find in them. */
export interface RetailPart {
  readonly name: string
  /** Writes the file; null: it is the real one. */
  readonly write: ((path: string) => void) | null
  readonly lines: number
  readonly nameless: number
  readonly cancellations: number
  readonly customers: number
  /** Lines with a price that a rule flags. */
  readonly priced: number
  /** Customers of the test cut-off. */
  readonly judged: number
  /** Rows of the ten cut-offs are more than these. */
  readonly rowsMin: number
  /** What a model must reach on the test cut-off. */
  readonly aucMin: number
  /** Where an ingest is killed, and the row from which the last one goes on at least. */
  readonly kills: readonly string[]
  readonly resumedBeyond: number
  readonly firstAt: number
  readonly lastAt: number
}

/** Ten instants within the shop's hours, some of them the very minute of an invoice. */
const tenCutoffs = '2011-01-10T12:00..2011-11-21T12:00/35d'
const testCutoff = Date.UTC(2011, 9, 10)
const horizonMs = 60 * 86_400_000

// Machines are shared: the steps take two minutes in all on two idle cores.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 })

export function walkOnlineRetail(part: RetailPart): void {
  describe.skipIf(!hasOnlineRetail)(
    `Online Retail, ${part.name} (skipped without ${onlineRetailFile})`,
    () => {
      walk(part)
    },
  )
}

function walk(part: RetailPart): void {
  const events = part.lines - part.nameless
  let folder: string
  let steps: Walkthrough
  let data: string
  let lines: InvoiceLines
  let ingested: IngestReport
  const models = (kind: string): string => join(folder, 'retail-models', kind)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-retail-'))
    data = join(folder, 'retail')
    const root = fileURLToPath(new URL('../..', import.meta.url))
    const real = join(root, onlineRetailFile)
    const file = part.write === null ? real : join(folder, 'online_retail.csv.gz')
    part.write?.(file)
    steps = new Walkthrough({
      readme: 'examples/online-retail/README.md',
      places: { ' data/': ` ${folder}/`, 'online_retail.csv.gz': file },
    })
    const ingesting = steps.run('ingest', steps.shown('tidemark ingest'), { more: '--json' })
    lines = await steps.timed('lines read without the ingest', () => readInvoiceLines(file))
    ingested = JSON.parse((await ingesting).stdout) as IngestReport
  })

  afterAll(async () => {
    steps.close()
    process.stdout.write(`Online Retail\n${steps.summary}\n`)
    await rm(folder, { recursive: true, force: true })
  })

  test('every line of the file is an event or a reject, and is what it says', async () => {
    expect(ingested).toMatchObject({ rows: part.lines, done: true, older: 0 })
    expect(lines.count).toBe(part.lines)
    expect(lines.nameless).toHaveLength(part.nameless)
    const taken = lines.records.filter(({ type }) => type === 'cancellation')
    expect([lines.records.length, taken.length]).toEqual([events, part.cancellations])
    expect(lines.records[0].loggedAt).toBe(part.firstAt)
    expect(lines.records.at(-1)!.loggedAt).toBe(part.lastAt)
    await withLog(data, async (log) => {
      const difference = await steps.timed('every event compared with its line', () =>
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
      expect([...codes]).toEqual([['KEY_MISSING', part.nameless]])
      expect(rows.size).toBe(part.nameless)
    })
  })

  test('the same file is not loaded twice', async () => {
    const command = steps.shown('tidemark ingest')
    const { stderr } = await steps.run('ingest again', command, { exit: 78 })
    expect(stderr).toContain('tidemark: INGEST_DONE: online_retail.csv.gz with this query is')
  })

  test('an ingest that is killed and resumed leaves the same log', async () => {
    const other = join(folder, 'killed')
    const command = steps.shown('tidemark ingest').replace(data, other)
    for (const failpoint of part.kills) {
      await steps.run(`ingest until ${failpoint}`, command, { failpoint, exit: 137 })
    }
    const { stdout } = await steps.run('ingest resumed', command, { more: '--json' })
    const { rows, resumedFrom } = JSON.parse(stdout)
    expect(rows).toBe(part.lines)
    expect(resumedFrom).toBeGreaterThan(part.resumedBeyond)
    await steps.timed('the two logs compared', () =>
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
    const replaying = steps.run('replay of ten cut-offs', command)
    const due = await steps.timed('the same rows, naively', () => {
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
    expect(due.length).toBeGreaterThan(part.rowsMin)
    steps.tell(`${due.length} rows of ${spec.features.length} features equal the naive ones`)
  })

  test('models learn from the past and tell who will lapse', async () => {
    for (const part of ['tidemark replay', 'tidemark_trainer']) {
      const { stdout } = await steps.run(part, steps.shown(part))
      if (part === 'tidemark_trainer') steps.tell(stdout.trim())
    }
    const rows = await readParquet(join(folder, 'retail-train.parquet'))
    const test = rows.filter((row) => row['as_of'] === testCutoff)
    expect(test).toHaveLength(part.judged)
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
      expect(auc).toBeGreaterThanOrEqual(part.aucMin)
      const { to, validationCutoffs } = told.trainingWindow
      expect(Date.parse(to) + horizonMs).toBeLessThanOrEqual(Date.parse(validationCutoffs[0]))
      expect(Date.parse(validationCutoffs.at(-1)) + horizonMs).toBeLessThanOrEqual(testCutoff)
      steps.tell(
        `${kind}: test AUC ${auc.toFixed(4)}; ${proof.bitsEqual} of ${proof.rows} parity rows ` +
          `equal Python's to the bit, largest difference ${proof.largestDifference}`,
      )
      await scorer.close()
    }
  })

  test('the trained model scores every customer live, and all lines are accounted for', async () => {
    const hash = (await readFile(join(models('lr'), 'HASH'), 'utf8')).trim()
    const started = steps.spawn(steps.shown('tidemark start'), { more: '--port 0 --json' })
    await steps.timed('start, until all is scored', async () => {
      await expect.poll(() => started.stdout, { timeout: 60_000 }).toContain('serving')
      const { url } = JSON.parse(started.stdout) as { url: string }
      const status = async (): Promise<object> =>
        ((await (await fetch(`${url}/v1/status`)).json()) as { partitions: object[] }).partitions[0]
      await expect
        .poll(status, { timeout: 300_000, interval: 500 })
        .toMatchObject({ endOffset: events, caughtUp: true, timersOverdueSeconds: 0 })
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
      expect(countedRecords(counts) + part.nameless).toBe(part.lines)
      expect(counts).toEqual({
        accepted: events,
        duplicates: 0,
        late: 0,
        erasures: 0,
        rejected: {},
        flagged: counts.flagged,
      })
      expect(counts.flagged).toMatchObject({ priced: part.priced })
      const last = new Map<string, ScoreRow>()
      for await (const { key, value } of recordsOf(log, topics.scores)) {
        last.set(key!.toString(), outputs.decodeScore(value!))
      }
      expect(last.size).toBe(part.customers)
      for (const score of last.values()) {
        expect(score.probability).toBeGreaterThan(0)
        expect(score.probability).toBeLessThan(1)
        expect(score).toMatchObject({ bundle: { hash }, servedBy: { hash }, degraded: null })
      }
    })
  })

  test('verify finds nothing wrong and nothing missing', async () => {
    const command = steps.shown('tidemark verify')
    const { stdout } = await steps.run('verify', command, { more: '--json' })
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({ records: events, uncommitted: 0, mismatches: 0, missing: 0 })
    expect(report).toMatchObject({ bundlesMissing: {}, scoresWithin: 0, findings: [] })
    expect(report.features).toBe(report.scores)
    steps.tell(`verify: ${report.scores} scores of ${report.commits} commits`)
  })

  test('verify names a flipped byte of one score, and one row that was dropped', async () => {
    for (const tamper of [flipScore, dropRow]) {
      const copy = join(folder, 'tampered')
      await cp(data, copy, { recursive: true })
      const { kind, customer, commit, topic } = await tamper(copy)
      const command = steps.shown('tidemark verify').replace(data, copy)
      const { stdout, stderr } = await steps.run(`verify, ${kind} due`, command, { exit: 1 })
      const bundles = ['lr', 'xgb'].map(models)
      const report = await steps.timed('the same by the function', () => verifyData(copy, bundles))
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
    expect(steps.unrun).toEqual([])
  })
}
