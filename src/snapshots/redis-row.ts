/** A customer's rows as the fields of a hash, and back. */
import { dayOf, type DayScores, noScores, withScore, withScores } from './day-scores.js'
import { rowFields } from './redis-scripts.js'
import type { SnapshotRow } from './snapshot-row.js'
import type { SnapshotPut } from './snapshots.js'
import type { TopRow } from './top-lists.js'

/** What the fields need of a feature row and a score; `OutputTexts` reads them. */
export interface RedisRowTexts {
  features(bytes: Uint8Array): {
    readonly asOf: number
    readonly validUntil: number | null
    readonly retired: boolean
    /** One JSON object. */
    readonly values: string
  }
  score(bytes: Uint8Array): {
    readonly probability: number | null
    readonly risk: string
    readonly model: string
  }
}

/** A row on its way to Redis. */
export interface RedisRow extends SnapshotRow {
  readonly customer: string
  /** Nothing newer can be stored: it was put with a commit above all that were put before. */
  readonly sure: boolean
  /** null: erased, or nobody asks. */
  readonly head: TopRow['head']
  /** The scores of the days since what is stored. */
  readonly days: DayScores
  /** Whether what is stored is from before an erasure that this row has overtaken. */
  readonly anew: boolean
}

type Field = string | Buffer

const erasedFields: readonly Field[] = Array.from({ length: rowFields.length - 2 }, () => '')

/**
 * The values of `rowFields`. An empty text stands for null, so that a field which loses its value
 * is overwritten like any other.
 */
export function fieldsOf(row: RedisRow, texts: RedisRowTexts): readonly Field[] {
  const { version, partition, features, score } = row
  if (features === null) return [String(version), String(partition), ...erasedFields]
  const { asOf, validUntil, retired, values } = texts.features(features)
  const scored = score === null ? null : texts.score(score)
  return [
    String(version),
    String(partition),
    String(asOf),
    validUntil === null ? '' : String(validUntil),
    retired ? '1' : '',
    scored === null || scored.probability === null ? '' : String(scored.probability),
    scored === null ? '' : scored.risk,
    scored === null ? '' : scored.model,
    values,
    bufferOf(features),
    score === null ? '' : bufferOf(score),
  ]
}

/** What a reader of rows asks of the hash, in this order. */
export const readFields = ['version', 'partition', 'featuresRecord', 'scoreRecord'] as const

/** The row behind `readFields`; null where nothing is stored. */
export function rowFrom(values: readonly (Buffer | null)[]): SnapshotRow | null {
  const [version, partition, features, score] = values
  if (version === null || partition === null) return null
  return {
    partition: Number(partition.toString()),
    version: Number(version.toString()),
    features,
    score: score === null || score.length === 0 ? null : score,
  }
}

/** The put as a row of `commit`; `head`: of its change. */
export function rowOf(
  { customer, features, score }: SnapshotPut,
  partition: number,
  version: number,
  sure: boolean,
  head: TopRow['head'] = null,
): RedisRow {
  const days = head === null ? noScores : withScore(noScores, dayOf(head.asOf), head.probability)
  return { customer, partition, version, features, score, sure, head, days, anew: false }
}

/** The newer of two rows of a customer, with what the older one knows of the days before. */
export function following(older: RedisRow, newer: RedisRow): RedisRow {
  if (newer.features === null || newer.anew) return newer
  if (older.features === null) return { ...newer, anew: true }
  return { ...newer, days: withScores(older.days, newer.days), anew: older.anew }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
