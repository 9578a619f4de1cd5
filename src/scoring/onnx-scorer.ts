/**
 * A bundle's graph in onnxruntime.
 *
 * Owns: the session, and the way from feature rows to its tensors. Does not own: what a wrong
 * answer means (`guarded-scorer.ts`).
 * X1 one thread for everything: with more, sums are taken in an order that depends on the number of
 *    rows, and the same row gets other last bits in another batch.
 * X2 a row's score does not depend on its neighbours: it is the same alone and in any batch.
 * X3 buffers are a call's own while it runs; the runtime reads them one turn of the loop later.
 */
import assert from 'node:assert'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { TidemarkError } from '../errors.js'
import { configurationError } from '../errors.js'
import type { Column, FeatureRows } from '../features/rows.js'
import { checkFits, type AppColumns } from './bundle-fit.js'
import { loadBundle, type Bundle } from './bundle.js'
import { onnxRuntime } from './onnx-runtime.js'
import type { BundleInfo, Scorer } from './scorer.js'
import { proveBundle } from './self-test.js'

/**
 * Rows in one run. A run blocks the loop (3 ms with 200 deep trees) and the runtime gives way to
 * the loop before each; larger runs are no cheaper a row, smaller ones are.
 */
const RUN_ROWS_MAX = 256

const OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  // Nothing but fatal: errors reach us as exceptions too, and stderr is the log's.
  logSeverityLevel: 4,
}

/**
 * Loads a bundle folder, checks that it is for this app, and has it reproduce its own test rows.
 *
 * Errors (exit 78): those of `loadBundle`, `checkFits` and `proveBundle`.
 *
 * @example const scorer = await openModel('bundles/churn/champion', app.engine)
 */
export async function openModel(folder: string, app: AppColumns): Promise<OnnxScorer> {
  const bundle = await loadBundle(folder)
  checkFits(bundle, app)
  const scorer = await OnnxScorer.open(bundle, app.columns)
  try {
    await proveBundle(bundle, scorer, app.columns)
  } catch (error) {
    await scorer.close()
    throw error
  }
  return scorer
}

export class OnnxScorer implements Scorer {
  readonly bundle: BundleInfo
  readonly runtime = onnxRuntime
  /** Where each value of a tensor's row stands among the numeric, or string, columns of a row. */
  private readonly numberAt: Int32Array
  private readonly stringAt: Int32Array
  private readonly output: string
  private readonly free: Feeds[] = []
  private readonly running = new Set<Promise<unknown>>()
  private closed = false

  private constructor(
    bundle: Bundle,
    private readonly session: InferenceSession,
    private readonly columns: readonly Column[],
  ) {
    this.bundle = bundle.info
    this.output = bundle.manifest.output
    const { num, cat } = bundle.manifest.inputs
    this.numberAt = placesOf(num, columns, false)
    this.stringAt = placesOf(cat, columns, true)
  }

  /**
   * Gives the bundle's bytes to the runtime. `columns` are those of the rows to come and have every
   * feature of the bundle (`checkFits`).
   *
   * Errors: `MODEL_INVALID` where the runtime refuses the graph (its operator set, for one).
   */
  static async open(bundle: Bundle, columns: readonly Column[]): Promise<OnnxScorer> {
    try {
      // Bytes, never a path: the runtime opens no file of its own.
      const session = await InferenceSession.create(bundle.model, OPTIONS)
      return new OnnxScorer(bundle, session, columns)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const text = `onnxruntime refuses the graph of bundle ${bundle.folder}: ${reason}`
      throw configurationError('MODEL_INVALID', text, error)
    }
  }

  /**
   * Errors: `SCORE_INVALID` where the graph answers another number of values than it got rows, and
   * whatever the runtime throws.
   */
  score(rows: FeatureRows, from: number, to: number): Promise<Float32Array> {
    assert(!this.closed, `scorer of bundle ${this.bundle.hash} is closed`)
    assert(
      rows.columns === this.columns || sameColumns(rows.columns, this.columns),
      `rows have other columns than bundle ${this.bundle.name} was opened for`,
    )
    const call = this.run(rows, from, to)
    this.running.add(call)
    const forget = (): void => void this.running.delete(call)
    call.then(forget, forget)
    return call
  }

  /** Frees the runtime's memory when the calls that run have ended. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await Promise.allSettled(this.running)
    await this.session.release()
  }

  private async run(rows: FeatureRows, from: number, to: number): Promise<Float32Array> {
    const scores = new Float32Array(to - from)
    const feeds = this.free.pop() ?? new Feeds(this.numberAt.length, this.stringAt.length)
    try {
      for (let start = from; start < to; start += RUN_ROWS_MAX) {
        const end = Math.min(to, start + RUN_ROWS_MAX)
        this.fill(feeds, rows, start, end)
        const outputs = await this.session.run(feeds.of(end - start), [this.output])
        const values = outputs[this.output]?.data
        if (!(values instanceof Float32Array) || values.length !== end - start) {
          throw wrongLength(this.bundle, end - start, values?.length)
        }
        scores.set(values, start - from)
      }
      return scores
    } finally {
      this.free.push(feeds)
    }
  }

  /** Lays rows out as tensors; storing into a Float32Array is `Math.fround`, and NaN stays NaN. */
  private fill(feeds: Feeds, rows: FeatureRows, from: number, to: number): void {
    const { numberAt, stringAt } = this
    const { numbers, strings, numericCount, stringCount } = rows
    let at = 0
    for (let row = from; row < to; row++) {
      const base = row * numericCount
      for (let i = 0; i < numberAt.length; i++) feeds.num[at++] = numbers[base + numberAt[i]]!
    }
    at = 0
    for (let row = from; row < to; row++) {
      const base = row * stringCount
      for (let i = 0; i < stringAt.length; i++) feeds.cat[at++] = strings[base + stringAt[i]] ?? ''
    }
  }
}

/** The buffers of one call, and the tensors over them; those of a full run are made once. */
class Feeds {
  readonly num: Float32Array
  readonly cat: string[]
  private readonly full: InferenceSession.FeedsType

  constructor(
    private readonly numbers: number,
    private readonly strings: number,
  ) {
    this.num = new Float32Array(RUN_ROWS_MAX * numbers)
    this.cat = Array.from({ length: RUN_ROWS_MAX * strings }, () => '')
    this.full = this.tensors(RUN_ROWS_MAX, this.num, this.cat)
  }

  of(rows: number): InferenceSession.FeedsType {
    if (rows === RUN_ROWS_MAX) return this.full
    const num = this.num.subarray(0, rows * this.numbers)
    return this.tensors(rows, num, this.cat.slice(0, rows * this.strings))
  }

  private tensors(rows: number, num: Float32Array, cat: string[]): InferenceSession.FeedsType {
    const feeds: Record<string, Tensor> = {}
    if (this.numbers > 0) feeds['num'] = new Tensor('float32', num, [rows, this.numbers])
    if (this.strings > 0) feeds['cat'] = new Tensor('string', cat, [rows, this.strings])
    return feeds
  }
}

function placesOf(
  names: readonly string[],
  columns: readonly Column[],
  strings: boolean,
): Int32Array {
  const kin = columns.filter((column) => (column.type === 'string') === strings)
  const places = names.map((name) => kin.findIndex((column) => column.name === name))
  assert(!places.includes(-1), 'a bundle is opened only for columns that it fits')
  return Int32Array.from(places)
}

function sameColumns(some: readonly Column[], others: readonly Column[]): boolean {
  return (
    some.length === others.length &&
    some.every((column, i) => column.name === others[i]?.name && column.type === others[i]?.type)
  )
}

function wrongLength(bundle: BundleInfo, due: number, came: number | undefined): TidemarkError {
  const text = `bundle ${bundle.name} ${bundle.version} answered ${due} rows with ${came ?? 'no'} values`
  return configurationError('SCORE_INVALID', text)
}
