/**
 * Derives emitted rows again and compares them byte for byte.
 *
 * Rows gather until scoring them at once is worth it, by the bundle that served them; a row's score
 * does not depend on its neighbours.
 */
import {
  type FeaturesRow,
  OutputRows,
  type RowLayout,
  type ScoreRow,
} from '../events/output-rows.js'
import { type Cause, FeatureRows } from '../features/rows.js'
import { topicsOf } from '../log/log.js'
import { scoreFields } from '../operators/deliver.js'
import type { Position } from '../operators/position.js'
import { noBundle } from '../scoring/no-model.js'
import type { BundleInfo, Degraded, ScoredRows, Scorer } from '../scoring/scorer.js'
import type { Emitted } from './emitted.js'
import { difference, type Findings } from './findings.js'

const rowsPerScoring = 1024
/** How far apart two runtimes' probabilities of one row may be. */
const probabilityDistanceMax = 1e-6

export interface RederiveOptions {
  readonly layout: RowLayout
  readonly topic: string
  readonly partition: number
  /** The scorer of a bundle, or null where the bundle is not at hand. */
  readonly scorerOf: (hash: string) => Promise<Scorer | null>
}

/** What came for one customer in one commit; at least one of the two. */
export interface EmittedPair {
  readonly customer: string
  readonly features: Emitted<FeaturesRow> | null
  readonly score: Emitted<ScoreRow> | null
}

interface Item {
  readonly position: Position
  readonly emitted: EmittedPair
}

/** Rows that one bundle answered for, whether with a probability or without. */
interface Group {
  readonly hash: string
  /** False where neither the model nor its fallback could. */
  readonly scored: boolean
  readonly rows: FeatureRows
  readonly items: Item[]
}

export class Rederiver {
  private readonly output: OutputRows
  private readonly groups = new Map<string, Group>()
  private gathered = 0
  /** By hash: those that were at hand. */
  private readonly scorers = new Map<string, Scorer>()

  constructor(
    private readonly options: RederiveOptions,
    private readonly findings: Findings,
  ) {
    this.output = new OutputRows(options.layout)
  }

  /** Takes a row over; `read` fills in what is due into the row that it is given. */
  add(
    position: Position,
    cause: Cause,
    emitted: EmittedPair,
    read: (rows: FeatureRows, row: number) => void,
  ): void {
    const group = this.groupOf(emitted.score, position)
    read(group.rows, group.rows.add(emitted.customer, cause))
    group.items.push({ position, emitted })
    this.gathered++
  }

  get isFull(): boolean {
    return this.gathered >= rowsPerScoring
  }

  /** Compares what has gathered. */
  async flush(): Promise<void> {
    for (const group of this.groups.values()) await this.compare(group)
    this.groups.clear()
    this.gathered = 0
  }

  /** A score of which nothing can be read is held against the model in force. */
  private groupOf(score: Emitted<ScoreRow> | null, { model }: Position): Group {
    const reason = score === null ? null : degradedOf(score)
    const named = reason === null ? model.hash : score!.row!.servedBy.hash
    const hash = reason === 'NO_MODEL' ? noBundle.hash : named
    const scored = reason === null || !unscored.has(reason)
    const key = `${hash} ${scored}`
    let group = this.groups.get(key)
    if (group === undefined) {
      const rows = new FeatureRows(this.options.layout.columns)
      group = { hash, scored, rows, items: [] }
      this.groups.set(key, group)
    }
    return group
  }

  private async compare(group: Group): Promise<void> {
    const { hash, rows, items } = group
    const scorer = hash === noBundle.hash ? null : await this.options.scorerOf(hash)
    if (scorer !== null) this.scorers.set(hash, scorer)
    const bundle = hash === noBundle.hash ? noBundle : (scorer?.bundle ?? null)
    const probability = await probabilities(group, scorer)
    const { topic, partition } = this.options
    let opened: Position | null = null
    for (const [row, { position, emitted }] of items.entries()) {
      if (opened !== position) this.output.begin({ ...position, topic, partition }, position.model)
      opened = position
      const { features, score } = emitted
      if (features !== null) this.compareFeatures(position, features, rows, row)
      if (score === null) continue
      if (bundle === null) await this.uncheckedScore(position, score, group, row)
      else this.compareScore(position, score, rows, row, probability[row], { bundle, scorer })
    }
  }

  private compareFeatures(
    position: Position,
    features: Emitted<FeaturesRow>,
    rows: FeatureRows,
    row: number,
  ): void {
    this.findings.counts.features++
    if (this.output.features(rows, row).equals(features.record.value!)) return
    // Only a re-score touches a customer without an event or a change by time.
    if (features.row?.cause === 'rescore' && rows.causes[row] === 'time') {
      rows.causes[row] = 'rescore'
    }
    const due = this.output.features(rows, row)
    if (due.equals(features.record.value!)) return
    const told =
      features.row === null
        ? { due: 'a feature row', came: 'bytes that make none' }
        : difference(this.output.decodeFeatures(due), features.row)
    this.found('features', position, features, told)
  }

  private compareScore(
    position: Position,
    score: Emitted<ScoreRow>,
    rows: FeatureRows,
    row: number,
    probability: number,
    { bundle, scorer }: { readonly bundle: BundleInfo; readonly scorer: Scorer | null },
  ): void {
    this.findings.counts.scores++
    const elsewhere = isElsewhere(position, scorer)
    if (elsewhere) this.findings.counts.scoresWithin++
    const scored = scoredRow(probability, bundle, degradedOf(score))
    const due = this.output.score(rows, row, scoreFields(scored, 0))
    if (due.equals(score.record.value!)) return
    const derived = this.output.decodeScore(due)
    if (elsewhere && score.row !== null && isClose(derived, score.row)) return
    const told =
      score.row === null
        ? { due: 'a score', came: 'bytes that make none' }
        : difference(derived, score.row)
    this.found('score', position, score, told)
  }

  /**
   * A bundle that is not at hand leaves a score unchecked, unless one that is at hand gives just
   * this probability: then it is the name of the bundle that has been damaged.
   */
  private async uncheckedScore(
    position: Position,
    score: Emitted<ScoreRow>,
    { hash, rows, scored }: Group,
    row: number,
  ): Promise<void> {
    for (const scorer of scored ? this.scorers.values() : []) {
      const [probability] = await scorer.score(rows, row, row + 1)
      if (probability !== score.row?.probability) continue
      this.compareScore(position, score, rows, row, probability, { bundle: scorer.bundle, scorer })
      return
    }
    this.findings.bundleMissing(hash)
  }

  private found(
    kind: 'features' | 'score',
    position: Position,
    { customer, record }: { customer: string; record: { offset: number } },
    told: { due: string; came: string },
  ): void {
    const { partition, layout } = this.options
    const topic = kind === 'score' ? topicsOf(layout.app).scores : topicsOf(layout.app).features
    const { offset } = record
    const { commit } = position
    this.findings.add({ kind, partition, commit, customer, topic, offset, ...told })
  }
}

/** NaN where neither the model nor its fallback could answer. */
async function probabilities({ scored, rows }: Group, scorer: Scorer | null) {
  if (scored && scorer !== null) return scorer.score(rows, 0, rows.length)
  return new Float32Array(rows.length).fill(Number.NaN)
}

const reasons: readonly string[] = [
  'SCORE_INVALID',
  'SCORER_FAILED',
  'FALLBACK_FAILED',
  'NO_MODEL',
] satisfies Degraded[]

/** For these reasons there is no probability. */
const unscored: ReadonlySet<Degraded> = new Set(['FALLBACK_FAILED', 'NO_MODEL'])

/** Why a score says that another model answered; a reason that nobody gives is none. */
function degradedOf(score: Emitted<ScoreRow>): Degraded | null {
  // The reason is the last field, and its last byte is 0 only where there is none.
  if (score.record.value!.at(-1) === 0) return null
  const reason = score.row?.degraded ?? null
  return reason !== null && reasons.includes(reason) ? (reason as Degraded) : null
}

/** One row's score as the topology had it. */
function scoredRow(probability: number, bundle: BundleInfo, reason: Degraded | null): ScoredRows {
  return {
    probability: Float32Array.of(probability),
    servedBy: new Uint8Array(1),
    bundles: [bundle],
    degraded: [reason],
  }
}

/** Whether the commit was scored by another runtime: its last bits may be others. */
function isElsewhere({ runtime }: Position, scorer: Scorer | null): boolean {
  const here = scorer?.runtime
  return here !== undefined && runtime !== null && runtime !== here
}

/** Everything but the last digits of the probability, and what follows from it, is the same. */
function isClose(due: ScoreRow, came: ScoreRow): boolean {
  if (due.probability === null || came.probability === null) return false
  if (Math.abs(due.probability - came.probability) > probabilityDistanceMax) return false
  const alike = { ...came, probability: due.probability, risk: due.risk, decision: due.decision }
  return JSON.stringify(alike) === JSON.stringify(due)
}
