import { configurationError } from '../../errors.js'
import { type Duration, parseDuration } from '../../features/duration.js'
import { closingAt, floorTo, positive, type WindowKind } from './window-kind.js'

/** Windows that one event may be in: each costs an addition. */
const windowsPerEventMax = 1_000

export interface Grace {
  /** How long after its end a window still takes events, of log clock. @default 0ms */
  readonly grace?: Duration
}

/**
 * Windows of one length that begin every `every`, aligned to 1970-01-01T00:00Z; an event is in each
 * that its instant falls into. A hop longer than the window would lose events and is refused.
 *
 * @throws `WINDOW_INVALID`, `DURATION_INVALID`
 * @example hopping('1h', { every: '15m' }) // an event is in four windows
 */
export function hopping(
  length: Duration,
  options: Grace & { readonly every: Duration },
): WindowKind {
  const lengthMs = positive('window', length)
  const everyMs = positive('hop', options.every)
  if (everyMs > lengthMs || lengthMs / everyMs > windowsPerEventMax) {
    const text = `hop ${options.every} of window ${length}: due is 1/${windowsPerEventMax} of it to all`
    throw configurationError('WINDOW_INVALID', text)
  }
  return aligned('hopping', lengthMs, everyMs, parseDuration(options.grace ?? '0ms'))
}

export function aligned(
  kind: 'tumbling' | 'hopping',
  lengthMs: number,
  everyMs: number,
  graceMs: number,
): WindowKind {
  return {
    kind,
    lengthMs,
    parameters: [lengthMs, everyMs, graceMs],
    startsOf: (occurredAt) => {
      const last = floorTo(occurredAt, everyMs)
      if (last + everyMs > occurredAt && lengthMs === everyMs) return [last]
      const starts: number[] = []
      for (let start = last; start + lengthMs > occurredAt; start -= everyMs) starts.unshift(start)
      return starts
    },
    closesAt: (end) => closingAt(end, graceMs),
    // The last window of an event before it has closed.
    lateBound: (clock) => floorTo(clock - graceMs - 1 - lengthMs, everyMs) + everyMs,
  }
}
