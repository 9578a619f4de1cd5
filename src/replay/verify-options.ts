/** What verifying needs: the log, the app as it runs, and ports for bundles and spilled state. */
import type { EventCodec, EventRules } from '../events/event.js'
import type { RowLayout } from '../events/output-rows.js'
import type { EventLog, Topics } from '../log/log.js'
import type { Program } from '../operators/program.js'
import type { Scorer } from '../scoring/scorer.js'
import type { Store } from '../state/store.js'

/** What a generation's commits are derived by. */
export interface VerifiedGeneration<S> {
  readonly program: Program<S>
  readonly codec: EventCodec
  readonly rules: EventRules
  readonly layout: RowLayout
  /** The scorer of a bundle by its hash; null where the bundle is not at hand. */
  readonly scorerOf: (hash: string) => Promise<Scorer | null>
}

export interface VerifyOptions<S> extends VerifiedGeneration<S> {
  readonly log: EventLog
  readonly topics: Topics
  /** Number of the generation that is derived by the members above. @default 1 */
  readonly generation?: number
  /** The other generations that the log may have commits of, by number. @default none */
  readonly others?: ReadonlyMap<number, VerifiedGeneration<S>>
  /** A new empty store at each call, for what does not fit memory. Verify closes it. */
  readonly scratch: (partition: number) => Promise<Store>
  /** Memory for customers, in bytes. */
  readonly hotBytesMax?: number
  /** Percentage of the customers whose rows are compared, above 0. @default 100 */
  readonly sample?: number
  readonly onProgress?: (records: number, total: number) => void
  readonly signal?: AbortSignal
}
