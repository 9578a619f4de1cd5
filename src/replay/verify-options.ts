/** What verifying needs: the log, the app as it runs, and ports for bundles and spilled state. */
import type { EventCodec, EventRules } from '../events/event.js'
import type { RowLayout } from '../events/output-rows.js'
import type { EventLog, Topics } from '../log/log.js'
import type { Program } from '../operators/program.js'
import type { Scorer } from '../scoring/scorer.js'
import type { Store } from '../state/store.js'

export interface VerifyOptions<S> {
  readonly log: EventLog
  readonly topics: Topics
  readonly program: Program<S>
  readonly codec: EventCodec
  readonly rules: EventRules
  readonly layout: RowLayout
  /** The scorer of a bundle by its hash; null where the bundle is not at hand. */
  readonly scorerOf: (hash: string) => Promise<Scorer | null>
  /** An empty store of a partition, for what does not fit memory. Verify closes it. */
  readonly scratch: (partition: number) => Promise<Store>
  /** Memory for customers, in bytes. */
  readonly hotBytesMax?: number
  /** Percentage of the customers whose rows are compared, above 0. @default 100 */
  readonly sample?: number
  readonly onProgress?: (records: number, total: number) => void
  readonly signal?: AbortSignal
}
