import { configurationError } from '../../errors.js'
import { type Duration, windowOf } from '../../features/duration.js'
import { floorTo, type WindowKind } from './window-kind.js'

/** Tiles that a window may consist of: a row reads them all. */
const tilesMax = 10_000

export interface SlidingKind extends WindowKind {
  readonly kind: 'sliding'
  readonly tileMs: number
}

/**
 * The last `length` at any instant, in tiles: at `t` it covers `[floor(t − length), t)`, so what is
 * older than a tile's end plus the length leaves it, also without an event. A key has one row.
 *
 * Without `tile` it is the largest of 1 d, 1 h, 1 min, 1 s, 1 ms that divides the length and is at
 * most 1/24 of it, as for features.
 *
 * @throws `WINDOW_INVALID`, `DURATION_INVALID`
 * @example sliding('7d', { tile: '1h' })
 */
export function sliding(
  length: Duration,
  { tile }: { readonly tile?: Duration } = {},
): SlidingKind {
  const { lengthMs, tileMs } = windowOf(length, tile)
  if (lengthMs / tileMs > tilesMax) {
    const text = `window ${length} in tiles of ${tileMs} ms: more than ${tilesMax} tiles`
    throw configurationError('WINDOW_INVALID', text)
  }
  return {
    kind: 'sliding',
    tileMs,
    lengthMs: tileMs,
    parameters: [lengthMs, tileMs],
    startsOf: (occurredAt) => [floorTo(occurredAt, tileMs)],
    // A tile leaves the window as a whole.
    closesAt: (end) => end + lengthMs,
    lateBound: (clock) => floorTo(clock - lengthMs, tileMs),
  }
}
