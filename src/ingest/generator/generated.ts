/** What the synthetic business hands out: events, and how a broken producer would have sent them. */
import type { EventBody, EventCodec } from '../../events/event.js'
import type { LogRecord } from '../../log/log.js'

/** What is wrong with a record beyond its fields. */
export type Damage = 'truncated' | 'json' | 'keyless' | 'foreign-key' | 'unknown-schema'

export const damages: readonly Damage[] = [
  'truncated',
  'json',
  'keyless',
  'foreign-key',
  'unknown-schema',
]

export interface GeneratedEvent {
  readonly type: string
  readonly body: EventBody
  /** When the record reaches the log, in ms UTC; never before the event. */
  readonly timestamp: number
  /** Null for nearly all. */
  readonly damage: Damage | null
}

/** The record of a generated event, ready to be appended; a damaged one is spoilt here. */
export function recordOf(event: GeneratedEvent, codec: EventCodec): LogRecord {
  const key = Buffer.from(event.body.customer_id)
  const value = codec.encode(event.type, event.body)
  const record = { key, value, timestamp: event.timestamp, headers: null }
  return event.damage === null ? record : spoilt(record, event)
}

interface WholeRecord extends LogRecord {
  readonly key: Buffer
  readonly value: Buffer
}

function spoilt(record: WholeRecord, event: GeneratedEvent): LogRecord {
  switch (event.damage) {
    case 'truncated':
      return { ...record, value: record.value.subarray(0, record.value.length - 3) }
    case 'json':
      return { ...record, value: Buffer.from(JSON.stringify(event.body)) }
    case 'keyless':
      return { ...record, key: null }
    case 'foreign-key':
      return { ...record, key: Buffer.concat([record.key, Buffer.from('-copy')]) }
    case 'unknown-schema': {
      const value = Buffer.from(record.value)
      value.writeUInt32BE(0x7fffffff, 1)
      return { ...record, value }
    }
    case null:
      return record
  }
}
