import type { Risk } from '../events/output-schemas.js'
import type { Cause } from '../features/rows.js'

/** One scored row of a commit. */
export interface BoardRow {
  readonly customer: string
  readonly cause: Cause
  readonly partition: number
  /** Exclusive. */
  readonly endOffset: number
  /** ms UTC. */
  readonly asOf: number
  /** NaN where even the fallback failed: counted as of unknown risk, and shown nowhere. */
  readonly probability: number
  readonly risk: Risk
  readonly commit: number
}

export interface ScoreChange extends BoardRow {
  /** Grows by one with each change; to ask for what came after. */
  readonly sequence: number
  /** The score before; null where the board knows of none. */
  readonly previous: number | null
}
