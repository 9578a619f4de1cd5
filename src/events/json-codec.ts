/** Events as JSON, for topologies of one's own: an object with its type, the envelope and fields. */
import { configurationError } from '../errors.js'
import type { Decoded, EventBody, EventCodec, Reject } from './event.js'

interface FieldValues {
  readonly string: string
  readonly number: number
  readonly boolean: boolean
}

/** What a field must be; with `?` it may be null or missing too, which is null. */
export type JsonField = keyof FieldValues | `${keyof FieldValues}?`

export type JsonSchemas = Readonly<Record<string, Readonly<Record<string, JsonField>>>>

type ValueOf<F extends JsonField> = F extends `${infer Kind extends keyof FieldValues}?`
  ? FieldValues[Kind] | null
  : F extends keyof FieldValues
    ? FieldValues[F]
    : never

/** The events of the schemas, told apart by `type`. */
export type JsonEvent<S extends JsonSchemas> = {
  readonly [T in keyof S & string]: {
    readonly type: T
    readonly event_id: string
    /** The record's key. */
    readonly customer_id: string
    /** ms UTC. */
    readonly occurred_at: number
  } & { readonly [F in keyof S[T]]: ValueOf<S[T][F]> }
}[keyof S & string]

/** A codec that knows the type of its events. */
export interface JsonCodec<S extends JsonSchemas> extends EventCodec {
  readonly schemas: S
  readonly eventType?: JsonEvent<S>
}

const envelope = new Set(['type', 'event_id', 'customer_id', 'occurred_at'])
const instantMax = 8_640_000_000_000_000

/**
 * Events as JSON. What is no such object, or has a field of another kind, is a reject
 * `DECODE_FAILED`, `TYPE_UNKNOWN` or `FIELD_INVALID`; fields that no schema names are left out.
 *
 * @throws `TOPOLOGY_INVALID` where a field has the name of one of the envelope's
 * @example jsonEvents({ line: { text: 'string' }, note: { author: 'string?' } })
 */
export function jsonEvents<const S extends JsonSchemas>(schemas: S): JsonCodec<S> {
  const types = Object.keys(schemas).sort()
  for (const type of types) {
    const taken = Object.keys(schemas[type]).find((name) => envelope.has(name))
    if (taken === undefined) continue
    throw configurationError('TOPOLOGY_INVALID', `event ${type}: field ${taken} is the envelope's`)
  }
  return {
    schemas,
    types,
    decode: (value) => decode(value, schemas, types),
    encode: (type, body) => Buffer.from(JSON.stringify({ ...body, type })),
    required: (type) =>
      Object.keys(schemas[type]).filter((name) => !schemas[type][name].endsWith('?')),
  }
}

function decode(value: Buffer, schemas: JsonSchemas, types: readonly string[]): Decoded | Reject {
  let json: unknown
  try {
    json = JSON.parse(value.toString('utf8'))
  } catch {
    return { code: 'DECODE_FAILED', reason: 'the value is not JSON' }
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return { code: 'DECODE_FAILED', reason: 'the value is no JSON object' }
  }
  const found = json as Record<string, unknown>
  const type = types.indexOf(found['type'] as string)
  if (type < 0) return { code: 'TYPE_UNKNOWN', reason: `type ${JSON.stringify(found['type'])}` }
  const { event_id = '', customer_id, occurred_at } = found
  if (typeof event_id !== 'string') return invalid('event_id', 'a string')
  if (typeof customer_id !== 'string') return invalid('customer_id', 'a string')
  if (!Number.isInteger(occurred_at) || Math.abs(occurred_at as number) > instantMax) {
    return invalid('occurred_at', 'an instant in whole ms')
  }
  const body: Record<string, unknown> = { type: found['type'], event_id, customer_id, occurred_at }
  for (const [name, kind] of Object.entries(schemas[types[type]])) {
    const value = found[name] ?? null
    const isOptional = kind.endsWith('?')
    if (!(value === null ? isOptional : typeof value === kind.replace('?', ''))) {
      return invalid(name, kind)
    }
    body[name] = value
  }
  return { type, body: body as EventBody & typeof body, schemaId: 0 }
}

function invalid(field: string, due: string): Reject {
  return { code: 'FIELD_INVALID', reason: `field ${field}: due is ${due}`, field: `/${field}` }
}
