/** Whether a store can be believed to hold a prefix of what the log has committed. */
import { ioError } from '../errors.js'
import type { Position } from '../operators/position.js'
import type { Progress } from '../operators/progress.js'

/** A store is never ahead of the log, unless that is another one or has lost its end. */
export function isAhead(stored: Position, committed: Position | null): boolean {
  if (committed === null || stored.logId !== committed.logId) return true
  return stored.commit > committed.commit || stored.endOffset > committed.endOffset
}

/** Throws `STORE_DAMAGED` where a store holds what the log or the declaration knows nothing of. */
export function assertBehind(
  partition: number,
  stored: Position | null,
  committed: Position | null,
  appHash: string,
): void {
  if (stored === null) return
  if (stored.appHash !== appHash) {
    const text = `store of partition ${partition} was made by app hash ${stored.appHash}`
    throw ioError('STORE_DAMAGED', `${text}, not ${appHash}`)
  }
  if (isAhead(stored, committed)) {
    throw ioError('STORE_DAMAGED', aheadText(partition, stored, committed))
  }
}

function aheadText(partition: number, stored: Position, committed: Position | null): string {
  const holds = committed === null ? 'nothing' : `offset ${committed.endOffset}`
  return `store of partition ${partition} is at offset ${stored.endOffset}; the log holds ${holds}`
}

/** `isAnew`: nothing but the log went into the store, so making it again would end alike. */
export function checkAgreement(
  partition: number,
  progress: Progress,
  committed: Position,
  isAnew: boolean,
): void {
  const reached = `${progress.endOffset}/${progress.logClock}/${progress.logTime}`
  const due = `${committed.endOffset}/${committed.logClock}/${committed.logTime}`
  if (reached === due) return
  const text = `store of partition ${partition} reached offset/clock/time ${reached} from the input`
  const both = `${text}; the committed position is ${due}`
  if (!isAnew) throw ioError('STORE_DAMAGED', both)
  const advice = 'the log does not give again what was committed; restore it from a backup'
  throw ioError('RESTORE_DISAGREES', `${both}: ${advice}, or run the version that wrote it`)
}
