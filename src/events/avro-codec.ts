/**
 * Events as Avro behind the registry's 5-byte header: a zero byte and the id of the writer's schema.
 *
 * E1 no bytes make `decode` throw, loop or allocate more than they are long.
 * E2 a decoded body has the app's own schema, whichever version wrote it, and its numbers are finite.
 * E3 decode(encode(e)) = e, −0 apart, which is 0.
 */
import type avsc from 'avsc'
import { configurationError, exitCode, TidemarkError } from '../errors.js'
import { eventType, ValueFault } from './avro-values.js'
import type { Decoded, EventBody, EventCodec, Reject, RejectCode } from './event.js'
import { idOf, sameSchema, subjectOf, type RegisteredSchema, type SchemaIds } from './schema-ids.js'
import type { AvroRecordSchema, EventSchemas } from './schema-types.js'

const HEADER_BYTES = 5
const POOL_BYTES = 1 << 16

type RecordType = avsc.types.RecordType
type Resolver = NonNullable<Parameters<RecordType['decode']>[2]>

/** How records with one id are read. */
interface Reader {
  /** The event type; −1 where the id is not one of an event. */
  readonly type: number
  readonly subject: string
  readonly reader: RecordType
  readonly writer: RecordType
  /** Undefined where writer and reader are the same, which is much the fastest. */
  readonly resolver: Resolver | undefined
}

interface OwnSchema {
  readonly schema: AvroRecordSchema
  readonly avro: RecordType
}

interface Writer {
  readonly id: number
  readonly type: RecordType
}

/**
 * The codec of an app's events.
 *
 * Raises `SCHEMA_UNREGISTERED` or `SCHEMA_INCOMPATIBLE` (exit 78) where `ids` does not fit `schemas`.
 *
 * @example
 * const codec = new AvroCodec(customerEvents, schemaIds)
 * codec.decode(codec.encode('session', session)) // { type: 3, body: session, schemaId: 4 }
 */
export class AvroCodec implements EventCodec {
  readonly types: readonly string[]
  private readonly readers = new Map<number, Reader>()
  private readonly writers = new Map<string, Writer>()
  private pool = Buffer.allocUnsafe(POOL_BYTES)
  private used = 0

  constructor(schemas: EventSchemas, ids: SchemaIds) {
    this.types = Object.keys(schemas).sort()
    const own = this.types.map((type) => ({
      schema: schemas[type],
      subject: subjectOf(schemas[type]),
      avro: eventType(schemas[type]),
    }))
    own.forEach(({ schema, avro }, index) => {
      const id = idOf(ids, schema)
      if (id === null) throw unregistered(this.types[index])
      this.writers.set(this.types[index], { id, type: avro })
    })
    for (const [id, entry] of Object.entries(ids)) {
      const type = own.findIndex(({ subject }) => subject === entry.subject)
      this.readers.set(Number(id), readerOf(entry, type, own[type]))
    }
  }

  decode(value: Buffer): Decoded | Reject {
    if (value.length < HEADER_BYTES || value[0] !== 0) return noHeader(value)
    const schemaId = value.readUInt32BE(1)
    const reader = this.readers.get(schemaId)
    if (reader === undefined) {
      return { code: 'SCHEMA_UNKNOWN', reason: `no schema has the id ${schemaId}` }
    }
    if (reader.type < 0) {
      return {
        code: 'TYPE_UNKNOWN',
        reason: `schema ${schemaId} is of ${reader.subject}, which is no event type of this app`,
      }
    }
    try {
      const { value: body, offset } = reader.reader.decode(value, HEADER_BYTES, reader.resolver)
      if (offset === value.length) return { type: reader.type, body: body as EventBody, schemaId }
    } catch (error) {
      return faultOf(reader, value, error)
    }
    return faultOf(reader, value, null)
  }

  encode(type: string, body: EventBody): Buffer {
    const writer = this.writers.get(type)
    if (writer === undefined) throw invalidEvent(`${type} is no event type of this app`)
    let end = this.write(writer, type, body)
    if (end < 0) {
      const size = this.pool.length - end - this.used
      this.pool = Buffer.allocUnsafe(Math.max(POOL_BYTES, size))
      this.used = 0
      end = this.write(writer, type, body)
    }
    const start = this.used
    this.used = end
    return this.pool.subarray(start, end)
  }

  required(type: string): readonly string[] {
    const fields = this.writers.get(type)?.type.fields ?? []
    return fields.filter((field) => field.defaultValue() === undefined).map(({ name }) => name)
  }

  /** The end of the record in the pool, or the negated number of bytes that the pool lacks. */
  private write(writer: Writer, type: string, body: EventBody): number {
    const { pool, used } = this
    let end: number
    try {
      end = writer.type.encode(body, pool, used + HEADER_BYTES)
    } catch (error) {
      throw invalidEvent(fieldFault(writer.type, type, body), error)
    }
    if (end < 0) return end
    pool[used] = 0
    pool.writeUInt32BE(writer.id, used + 1)
    return end
  }
}

function readerOf(entry: RegisteredSchema, type: number, own: OwnSchema | undefined): Reader {
  const writer = eventType(entry.schema)
  const reader = own?.avro ?? writer
  const equal = own === undefined || sameSchema(entry.schema, own.schema)
  try {
    const resolver = equal ? undefined : reader.createResolver(writer)
    return { type, subject: entry.subject, reader, writer, resolver }
  } catch (error) {
    throw configurationError(
      'SCHEMA_INCOMPATIBLE',
      `records of ${entry.subject} version ${entry.version} cannot be read with the app's schema: ` +
        (error as Error).message,
      error,
    )
  }
}

function unregistered(type: string): TidemarkError {
  return configurationError(
    'SCHEMA_UNREGISTERED',
    `schema ${type} has no id in ids.json as it now stands; run \`npm run schemas -- DIR\``,
  )
}

function noHeader(value: Buffer): Reject {
  const first = value[0]
  const what =
    first === undefined
      ? 'the value is empty'
      : first === 0
        ? `the value ends after ${value.length} bytes, within the header`
        : first === 0x7b || first === 0x5b
          ? 'the value looks like JSON; Avro behind a 5-byte header is due'
          : `the value begins with the byte ${first}; 0 is due`
  return { code: 'DECODE_FAILED', reason: what }
}

/** Reads field by field what could not be read at once, to name the field. */
function faultOf(reader: Reader, value: Buffer, thrown: unknown): Reject {
  let at = HEADER_BYTES
  for (const field of reader.writer.fields) {
    const pointer = `/${field.name}`
    try {
      const { offset } = field.type.decode(value, at)
      if (offset < 0) {
        return { code: 'DECODE_FAILED', reason: 'the value ends within this field', field: pointer }
      }
      at = offset
    } catch (error) {
      return { code: codeOf(error), reason: (error as Error).message, field: pointer }
    }
  }
  return at < value.length
    ? { code: 'DECODE_FAILED', reason: `${value.length - at} bytes are left behind the record` }
    : { code: codeOf(thrown), reason: thrown instanceof Error ? thrown.message : 'unreadable' }
}

function codeOf(error: unknown): RejectCode {
  return error instanceof ValueFault ? error.code : 'FIELD_INVALID'
}

function invalidEvent(text: string, cause?: unknown): TidemarkError {
  return new TidemarkError('EVENT_INVALID', text, { exit: exitCode.configuration, cause })
}

function fieldFault(record: RecordType, type: string, body: EventBody): string {
  let text = `event ${type} does not fit its schema`
  let found = false
  record.isValid(body, {
    errorHook: (path, value, expected) => {
      if (found) return
      found = true
      const due = expected.typeName.startsWith('union')
        ? JSON.stringify(expected)
        : expected.typeName
      text = `event ${type}, field ${path.join('.')}: ${String(value)} is no ${due}`
    },
  })
  return text
}
