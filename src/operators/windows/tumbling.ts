import { type Duration, parseDuration } from '../../features/duration.js'
import { aligned, type Grace } from './hopping.js'
import { positive, type WindowKind } from './window-kind.js'

/**
 * Windows of one length, one behind the other, aligned to 1970-01-01T00:00Z; an event is in one.
 *
 * @throws `WINDOW_INVALID`, `DURATION_INVALID`
 * @example tumbling('1h', { grace: '5m' })
 */
export function tumbling(length: Duration, { grace = '0ms' }: Grace = {}): WindowKind {
  const lengthMs = positive('window', length)
  return aligned('tumbling', lengthMs, lengthMs, parseDuration(grace))
}
