import type { RowLayout } from '../events/output-rows.js'
import type { EventCodec, EventRules } from '../events/event.js'
import type { EventLog, Topics } from '../log/log.js'
import type { DeliveredCommit } from '../operators/deliver.js'
import type { Flow } from '../operators/flow.js'
import type { Program } from '../operators/program.js'
import type { Scoring } from '../scoring/scorer.js'
import type { SnapshotStore } from '../snapshots/snapshots.js'
import type { StoreHome } from '../state/store.js'
import type { EngineSettings } from './settings.js'

/** Which generation runs, and what others the log may have commits of. */
export interface AskedGeneration {
  readonly number: number
  /** App hash of each generation by its number. */
  readonly appHashes: ReadonlyMap<number, string>
}

/** Everything a topology is made of; the composition root builds it, tests build their own. */
export interface TopologyParts<S> {
  readonly program: Program<S>
  /** The operators of a topology of one's own. */
  readonly flow?: Flow
  readonly codec: EventCodec
  readonly rules: EventRules
  readonly layout: RowLayout
  /** Without it there is one generation. */
  readonly generation?: AskedGeneration
  /**
   * Whether this generation is still the one asked for, as of the call; without it, it is. Asked
   * behind taking a partition's writer: whoever has it then runs what was asked for.
   */
  isAsked?(): Promise<boolean>
  readonly log: EventLog
  readonly topics: Topics
  /** Whether the log keeps the state too; else a store is made again from the input. */
  readonly logsState?: boolean
  readonly home: StoreHome
  readonly snapshots: SnapshotStore
  readonly scoring: Scoring
  readonly settings: EngineSettings
  /** Random, one a process: tells two attempts at the same commit apart. */
  readonly incarnation: string
  /** What producers in this process promise: all events before it are in the log. */
  lowWatermark(): number | null
  /** Told of every commit in order per partition, `durationMs` (wall) after it closed. */
  committed(commit: DeliveredCommit<S>, partition: number, durationMs: number): void
  /** Told of what a person would want to read in a log. */
  note(text: string): void
}
