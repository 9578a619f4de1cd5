/**
 * Events as Avro behind the registry's 5-byte header: a zero byte and the id of the writer's schema.
 *
 * E1 no bytes make `decode` throw, loop or allocate more than they are long.
 * E2 a decoded body has the app's own schema, whichever version wrote it, and its numbers are finite.
 * E3 decode(encode(e)) = e, −0 apart, which is 0.
 * E4 what an id means is learnt once; a registry that is away makes `learn` wait, not `decode` refuse.
 */
import type avsc from 'avsc'
import { configurationError, exitCode, TidemarkError } from '../errors.js'
import { eventType, ValueFault } from './avro-values.js'
import type { Decoded, EventBody, EventCodec, Reject, RejectCode } from './event.js'
import { isFlat } from './schema-check.js'
import { idOf, sameSchema, subjectOf, type RegisteredSchema, type SchemaIds } from './schema-ids.js'
import type { SchemaSource } from '../schemas/schemas.js'
import type { AvroRecordSchema, EventSchemas } from './schema-types.js'

const HEADER_BYTES = 5
const POOL_BYTES = 1 << 16

type RecordType = avsc.types.RecordType
type Resolver = NonNullable<Parameters<RecordType['decode']>[2]>

/** How records with one id are read. */
interface Reader {
  readonly type: number
  readonly reader: RecordType
  readonly writer: RecordType
  /** Undefined where writer and reader are the same, which is much the fastest. */
  readonly resolver: Resolver | undefined
}

interface OwnSchema {
  readonly schema: AvroRecordSchema
  readonly subject: string
  readonly avro: RecordType
}

interface Writer {
  readonly id: number
  readonly type: RecordType
}

/**
 * The codec of an app's events. `ids` has those that it writes with; what other ids mean it learns
 * from `source`, where there is one.
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
  /** By id that is known: why records with it cannot be read. */
  private readonly refusals = new Map<number, Reject>()
  private readonly own: readonly OwnSchema[]
  private readonly writers = new Map<string, Writer>()
  private pool = Buffer.allocUnsafe(POOL_BYTES)
  private used = 0

  constructor(
    schemas: EventSchemas,
    ids: SchemaIds,
    private readonly source?: SchemaSource,
  ) {
    this.types = Object.keys(schemas).sort()
    this.own = this.types.map((type) => ({
      schema: schemas[type],
      subject: subjectOf(schemas[type]),
      avro: eventType(schemas[type]),
    }))
    this.own.forEach(({ schema, avro }, index) => {
      const id = idOf(ids, schema)
      if (id === null) throw unregistered(this.types[index])
      this.writers.set(this.types[index], { id, type: avro })
    })
    for (const [id, entry] of Object.entries(ids)) {
      const refusal = this.add(Number(id), entry)
      if (refusal?.code === 'SCHEMA_INCOMPATIBLE') throw incompatible(entry, refusal)
    }
  }

  learn(records: readonly { readonly value: Buffer | null }[]): Promise<void> | null {
    const { source, readers, refusals } = this
    if (source === undefined) return null
    let asked: Set<number> | null = null
    for (const { value } of records) {
      if (value === null || value.length < HEADER_BYTES || value[0] !== 0) continue
      const id = value.readUInt32BE(1)
      if (!readers.has(id) && !refusals.has(id)) (asked ??= new Set()).add(id)
    }
    return asked === null ? null : this.ask(source, [...asked])
  }

  decode(value: Buffer): Decoded | Reject {
    if (value.length < HEADER_BYTES || value[0] !== 0) return noHeader(value)
    const schemaId = value.readUInt32BE(1)
    const reader = this.readers.get(schemaId)
    if (reader === undefined) return this.refusals.get(schemaId) ?? unknownId(schemaId)
    try {
      const { value: body, offset } = reader.reader.decode(value, HEADER_BYTES, reader.resolver)
      if (offset === value.length) return { type: reader.type, body: body as EventBody, schemaId }
    } catch (error) {
      return faultOf(reader, value, error)
    }
    return faultOf(reader, value, null)
  }

  private async ask(source: SchemaSource, ids: readonly number[]): Promise<void> {
    for (const [id, entry] of await source.byIds(ids)) {
      // An id that is not there may be one day, so it is asked for again.
      if (entry !== null) this.add(id, entry)
    }
  }

  /** Why records with the id cannot be read; null: they can. */
  private add(id: number, { subject, schema }: RegisteredSchema): Reject | null {
    const type = this.own.findIndex((own) => own.subject === subject)
    if (type < 0) {
      const reason = `schema ${id} is of ${subject}, which is no event type of this app`
      return this.refuse(id, { code: 'TYPE_UNKNOWN', reason })
    }
    const own = this.own[type]
    try {
      const equal = sameSchema(schema, own.schema)
      if (!equal) requireFlat(schema)
      const writer = eventType(schema)
      const resolver = equal ? undefined : own.avro.createResolver(writer)
      this.readers.set(id, { type, reader: own.avro, writer, resolver })
      return null
    } catch (error) {
      const reason = `schema ${id} cannot be read as ${subject}: ${(error as Error).message}`
      return this.refuse(id, { code: 'SCHEMA_INCOMPATIBLE', reason })
    }
  }

  private refuse(id: number, refusal: Reject): Reject {
    this.refusals.set(id, refusal)
    return refusal
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

/** A producer's schema may have anything in it; what claims sizes could make a decode endless (E1). */
function requireFlat(schema: AvroRecordSchema): void {
  const nested = schema.fields.find(({ type }) => !isFlat(type))
  if (nested !== undefined) throw new Error(`field ${nested.name} is nested; an event is flat`)
}

function unknownId(id: number): Reject {
  return { code: 'SCHEMA_UNKNOWN', reason: `no schema has the id ${id}` }
}

function incompatible({ subject, version }: RegisteredSchema, { reason }: Reject): TidemarkError {
  return configurationError(
    'SCHEMA_INCOMPATIBLE',
    `records of ${subject} version ${version} cannot be read with the app's schema: ${reason}`,
  )
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
