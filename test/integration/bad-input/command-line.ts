import type { BinaryEnd } from '../../support/binary.js'
import type { Place } from './place.js'

/** A command that must fail: how it is called, its exit code, and its one sentence. */
export interface CommandLine {
  readonly row: string
  readonly given: string
  /** Prepares what is given and answers the arguments. */
  readonly args: (place: Place) => readonly string[] | Promise<readonly string[]>
  readonly exit: number
  readonly code: string
  /** Parts of what is said, in any order. */
  readonly says?: readonly string[]
  /** What else must hold. */
  readonly after?: (place: Place, end: BinaryEnd) => void | Promise<void>
  /** Run within the test: many lines end in the same way, and one of them shows the process end. */
  readonly inProcess?: boolean
  /** The user to run as, where we are root. */
  readonly uid?: number
  /** Why this machine cannot try it; null where it can. */
  readonly skipped?: string | null
}
