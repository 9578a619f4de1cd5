/** A customer's valid events, spilled to a bucket in log order and read back as objects. */
import { isReject, type EventBody, type EventCodec } from '../events/event.js'
import type { Buckets } from './buckets.js'
import type { Decided } from './decide.js'

/** A valid event that is no duplicate. */
export interface PastEvent {
  readonly type: number
  readonly body: EventBody
  readonly partition: number
  readonly offset: number
  /** Log time of its record, ms UTC. */
  readonly logTime: number
  /** Late ones count for `happened` and for labels only. */
  readonly late: boolean
}

/** u8 late, u16 partition, f64 offset, f64 log time; then the record's value. */
const headBytes = 19

export function spillEvent(buckets: Buckets, partition: number, decided: Decided): void {
  const { item, logTime } = decided
  const { key, value, offset } = item.record
  buckets.add(key!, headBytes + value!.length, (into, at) => {
    into[at] = item.outcome === 'late' ? 1 : 0
    into.writeUInt16LE(partition, at + 1)
    into.writeDoubleLE(offset, at + 3)
    into.writeDoubleLE(logTime, at + 11)
    into.set(value!, at + headBytes)
  })
}

export function readEvent(bytes: Buffer, codec: EventCodec): PastEvent {
  const decoded = codec.decode(bytes.subarray(headBytes))
  if (isReject(decoded)) throw new Error(`an event that was valid is not: ${decoded.reason}`)
  return {
    type: decoded.type,
    body: decoded.body,
    partition: bytes.readUInt16LE(1),
    offset: bytes.readDoubleLE(3),
    logTime: bytes.readDoubleLE(11),
    late: bytes[0] === 1,
  }
}
