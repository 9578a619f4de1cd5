/** Events of the churn app as a producer would send them, good ones and spoilt ones. */
import avsc from 'avsc'
import { customerEvents, schemaIds } from '../../../src/apps/churn/schemas.gen.js'
import { AvroCodec } from '../../../src/events/avro-codec.js'
import type { EventBody } from '../../../src/events/event.js'
import type { AvroRecordSchema } from '../../../src/events/schema-types.js'
import { type Headers, type LogRecord, recordBytes, recordBytesMax } from '../../../src/log/log.js'

export const start = Date.UTC(2026, 0, 1)
export const day = 86_400_000

const session = customerEvents.session as unknown as AvroRecordSchema
/** A later version of a session, with a field that this app does not know. */
const wider: AvroRecordSchema = {
  ...session,
  fields: [...session.fields, { name: 'battery', type: ['null', 'double'], default: null }],
}
const widerId = 99

/** The app's codec, with that later version registered. */
export const codec = new AvroCodec(customerEvents, {
  ...schemaIds,
  [widerId]: { subject: 'tidemark.churn.session', version: 2, schema: wider },
})

const fields: Readonly<Record<string, object>> = {
  session: { duration_seconds: 60, device: 'tv' },
  payment: { amount: 10, status: 'paid', method: 'card', attempt: 1 },
  content_consumed: { content_type: 'film', minutes: 30 },
  customer_profile: { age: 40, gender: null, location: 'DE', acquisition_channel: null },
  subscription_change: {
    change: 'started',
    status: 'active',
    plan: 'basic',
    payment_method: 'card',
    billing_amount: 10,
  },
}

function bodyOf(customer: string, type: string, changes: object): EventBody {
  const event_id = `${customer.slice(0, 64)} ${type}`
  const envelope = { event_id, customer_id: customer, occurred_at: start, source: null }
  return { ...envelope, ...fields[type], ...changes }
}

/** A record whose value is what our own codec writes. */
export function good(customer: string, type: string, changes: object = {}): LogRecord {
  const value = codec.encode(type, bodyOf(customer, type, changes))
  return { key: Buffer.from(customer), value, timestamp: start, headers: null }
}

/** The same by avsc alone, which knows no rule of ours and writes what ours refuses. */
export function foreign(customer: string, type: string, changes: object): LogRecord {
  const schema = customerEvents[type as keyof typeof customerEvents]
  const header = codec.encode(type, bodyOf(customer, type, {}))
  return written(schema, header, bodyOf(customer, type, changes))
}

/** A session written with the later schema. */
export function fromLater(customer: string): LogRecord {
  const header = Buffer.from([0, 0, 0, 0, widerId])
  return written(wider, header, { ...bodyOf(customer, 'session', {}), battery: 0.5 })
}

function written(schema: AvroRecordSchema, header: Buffer, body: EventBody): LogRecord {
  const bytes = avsc.Type.forSchema(schema as unknown as avsc.Schema).toBuffer(body)
  const value = Buffer.concat([header.subarray(0, 5), bytes])
  return { key: Buffer.from(body.customer_id), value, timestamp: start, headers: null }
}

/** A good record with other bytes in place of the first `before` in its value. */
export function patched(record: LogRecord, before: Buffer, after: Buffer): LogRecord {
  const value = record.value!
  const at = value.indexOf(before)
  if (at < 0) throw new Error(`the value holds no ${before.toString('hex')}`)
  const rest = value.subarray(at + before.length)
  return { ...record, value: Buffer.concat([value.subarray(0, at), after, rest]) }
}

/** A long as Avro writes it, for values that no JavaScript number holds. */
export function longBytes(value: bigint): Buffer {
  const bytes: number[] = []
  let zigzag = value >= 0n ? value * 2n : -value * 2n - 1n
  while (zigzag > 127n) {
    bytes.push(Number(zigzag & 127n) | 128)
    zigzag >>= 7n
  }
  return Buffer.from([...bytes, Number(zigzag)])
}

/** The largest record that a log takes: an event whose source has the length that makes it so. */
export function largest(customer: string, type: string, changes: object = {}): LogRecord {
  const headers: Headers = [['trace', Buffer.from('t-1')]]
  const of = (length: number): LogRecord => ({
    ...good(customer, type, { ...changes, source: 'x'.repeat(length) }),
    headers,
  })
  const about = 1_000_000
  return of(about + recordBytesMax - recordBytes(of(about)))
}
