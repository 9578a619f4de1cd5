import { type Duration, parseDuration } from '../../features/duration.js'
import type { Grace } from './hopping.js'
import type { Window } from './key-state.js'
import { closingAt, positive, type WindowKind } from './window-kind.js'

export interface SessionOptions extends Grace {
  /** From the first event of a session to its last, at most: a session that never ends is cut. @default 24h */
  readonly lengthMax?: Duration
}

export interface SessionKind extends WindowKind {
  readonly kind: 'session'
  readonly gapMs: number
  readonly lengthMaxMs: number
}

/**
 * Windows of activity: an event reaches from its instant to `gap` later, and whatever reaches into
 * each other, or just touches, is one session, as in Flink. It is told once, when it has closed.
 *
 * A session longer than `lengthMax` does not come about: the event that would make it so begins a
 * session of its own, and two sessions that an event joins stay two.
 *
 * @throws `WINDOW_INVALID`, `DURATION_INVALID`
 * @example session('30m', { lengthMax: '12h' })
 */
export function session(gap: Duration, options: SessionOptions = {}): SessionKind {
  const gapMs = positive('gap', gap)
  const lengthMaxMs = positive('lengthMax', options.lengthMax ?? '24h')
  const graceMs = parseDuration(options.grace ?? '0ms')
  return {
    kind: 'session',
    gapMs,
    lengthMaxMs,
    lengthMs: gapMs,
    parameters: [gapMs, lengthMaxMs, graceMs],
    startsOf: (occurredAt) => [occurredAt],
    // An event at the very end still touches, so what closes a session is behind it.
    closesAt: (end) => closingAt(end, graceMs) + 1,
    lateBound: (clock) => clock - graceMs - gapMs - 1,
  }
}

/**
 * The open sessions, by their places in `windows`, that become one with an event at an instant; none:
 * it begins its own. Closed ones take nothing.
 */
export function sessionsOf(
  { gapMs, lengthMaxMs, closesAt }: SessionKind,
  windows: readonly Window[],
  occurredAt: number,
  clock: number,
): number[] {
  const joined: number[] = []
  let start = occurredAt
  let last = occurredAt
  for (let place = 0; place < windows.length; place++) {
    const window = windows[place]
    if (closesAt(window.end) <= clock) continue
    if (window.start > occurredAt + gapMs || window.end < occurredAt) continue
    const from = Math.min(start, window.start)
    const to = Math.max(last, window.end - gapMs)
    if (to - from > lengthMaxMs) continue
    joined.push(place)
    start = from
    last = to
  }
  return joined
}
