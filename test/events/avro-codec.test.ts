import { describe, expect, test } from 'vitest'
import avsc from 'avsc'
import fc from 'fast-check'
import { AvroCodec } from '../../src/events/avro-codec.js'
import { isReject, type Decoded, type EventBody } from '../../src/events/event.js'
import { envelopeFields } from '../../src/events/envelope.js'
import { registerSchemas } from '../../src/events/schema-ids.js'
import type { AvroField, AvroRecordSchema } from '../../src/events/schema-types.js'
import { customerEvents, schemaIds } from '../../src/apps/churn/schemas.gen.js'

const record = (name: string, ...fields: AvroField[]): AvroRecordSchema => ({
  type: 'record',
  name,
  fields: [...envelopeFields, ...fields],
})

const everything = record(
  'everything',
  { name: 'whole', type: 'int' },
  { name: 'long', type: 'long' },
  { name: 'single', type: 'float' },
  { name: 'double', type: 'double' },
  { name: 'maybe', type: ['null', 'double'], default: null },
  { name: 'text', type: 'string' },
  { name: 'flag', type: 'boolean' },
  { name: 'colour', type: { type: 'enum', name: 'Colour', symbols: ['red', 'green'] } },
  { name: 'bytes', type: ['null', 'bytes'], default: null },
)
const ids = registerSchemas({}, [everything, record('other')], 'backward')
const codec = new AvroCodec({ everything }, ids)

const envelope = {
  event_id: 'e1',
  customer_id: 'c1',
  occurred_at: 1_700_000_000_000,
  source: null,
}
const sample = {
  ...envelope,
  whole: -7,
  long: 2 ** 40,
  single: 0.5,
  double: 0.1,
  maybe: 1e300,
  text: 'Ä\u0000€😀\uFFFD',
  flag: true,
  colour: 'green',
  bytes: null,
}

/** avsc's own types know no rule of ours, so they can write what ours refuse. */
const plain = avsc.Type.forSchema(everything as unknown as avsc.Schema)
function plainBytes(body: object, id = 1): Buffer {
  const header = Buffer.from([0, 0, 0, 0, id])
  return Buffer.concat([header, plain.toBuffer({ ...sample, ...body })])
}

function decoded(bytes: Buffer): EventBody {
  const result = codec.decode(bytes)
  if (isReject(result)) throw new Error(`${result.code} ${result.field} ${result.reason}`)
  return result.body
}

/** A long as Avro writes it, for values that no JavaScript number holds. */
function longBytes(value: bigint): Buffer {
  const bytes: number[] = []
  let zigzag = value >= 0n ? value * 2n : -value * 2n - 1n
  while (zigzag > 127n) {
    bytes.push(Number(zigzag & 127n) | 128)
    zigzag >>= 7n
  }
  return Buffer.from([...bytes, Number(zigzag)])
}

/** The sample with other bytes in the place of its field `long`. */
function withLong(bytes: Buffer): Buffer {
  const marker = longBytes(2n ** 40n)
  const whole = codec.encode('everything', sample)
  const at = whole.indexOf(marker)
  return Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at + marker.length)])
}

describe('round trips', () => {
  test('decode(encode(e)) is e, with the type and the id of the schema', () => {
    const bytes = codec.encode('everything', sample)
    expect(bytes).toEqual(plainBytes({}))
    expect(codec.decode(bytes)).toEqual({ type: 0, body: sample, schemaId: 1 })
  })

  test('any event survives, and its bytes are those of avsc itself', () => {
    const text = fc.string({ unit: 'binary' })
    const body = fc.record({
      event_id: text,
      customer_id: text,
      occurred_at: fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 52 }),
      source: fc.option(text),
      whole: fc.integer(),
      long: fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 52 }),
      single: fc.float({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
      double: fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
      maybe: fc.constant(null),
      text,
      flag: fc.boolean(),
      colour: fc.constantFrom('red', 'green'),
      bytes: fc.option(fc.uint8Array().map((bytes) => Buffer.from(bytes))),
    })
    fc.assert(
      fc.property(body, (event) => {
        const bytes = codec.encode('everything', event)
        expect(decoded(bytes)).toEqual(event)
        expect(bytes).toEqual(plainBytes(event))
      }),
    )
  })

  test('a record larger than the pool is encoded whole, and the ones before keep their bytes', () => {
    const before = codec.encode('everything', sample)
    const copy = Buffer.from(before)
    const large = { ...sample, text: 'x'.repeat(200_000) }
    expect(decoded(codec.encode('everything', large))).toEqual(large)
    for (let i = 0; i < 2000; i++) codec.encode('everything', sample)
    expect(before).toEqual(copy)
  })

  test('every event type of the built-in app has its id', () => {
    const churn = new AvroCodec(customerEvents, schemaIds)
    const body = { ...envelope, duration_seconds: 12.5, device: 'tv' }
    const result = churn.decode(churn.encode('session', body)) as Decoded
    expect(churn.types[result.type]).toBe('session')
    expect(result.body).toEqual(body)
  })
})

describe('numbers', () => {
  const limits = [2n ** 53n - 1n, -(2n ** 53n) + 1n, -(2n ** 52n) - 1n, 2n ** 52n + 1n]
  test.each(limits)('the long %d is kept exactly', (value) => {
    expect(decoded(withLong(longBytes(value)))['long']).toBe(Number(value))
    const bytes = codec.encode('everything', { ...sample, long: Number(value) })
    expect(bytes).toEqual(withLong(longBytes(value)))
  })

  const beyond = [
    2n ** 53n,
    -(2n ** 53n),
    -(2n ** 53n) - 3n,
    2n ** 63n - 1n,
    -(2n ** 63n),
    2n ** 69n,
  ]
  test.each(beyond)('the long %d is a NUMBER_RANGE', (value) => {
    expect(codec.decode(withLong(longBytes(value)))).toMatchObject({
      code: 'NUMBER_RANGE',
      field: '/long',
    })
  })

  test.each(['single', 'double', 'maybe'])(
    'NaN and ±Infinity in %s are a NUMBER_RANGE',
    (field) => {
      for (const value of [NaN, Infinity, -Infinity]) {
        expect(codec.decode(plainBytes({ [field]: value }))).toMatchObject({
          code: 'NUMBER_RANGE',
          field: `/${field}`,
        })
      }
    },
  )

  test('−0 is read as 0', () => {
    const body = decoded(plainBytes({ single: -0, double: -0, maybe: -0 }))
    expect([body['single'], body['double'], body['maybe']]).toEqual([0, 0, 0])
  })

  test('huge and tiny finite doubles are valid', () => {
    for (const value of [Number.MAX_VALUE, Number.MIN_VALUE, -Number.MAX_VALUE]) {
      expect(decoded(plainBytes({ double: value }))['double']).toBe(value)
    }
  })
})

describe('rejects', () => {
  const good = codec.encode('everything', sample)

  test('what has no header is DECODE_FAILED, and JSON is told as such', () => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from([0, 0, 0, 0]),
      Buffer.from([1, 0, 0, 0, 1]),
    ]) {
      expect(codec.decode(bytes)).toMatchObject({ code: 'DECODE_FAILED' })
    }
    expect(codec.decode(Buffer.from('{"event_id":"e1"}'))).toMatchObject({
      code: 'DECODE_FAILED',
      reason: expect.stringContaining('JSON') as string,
    })
  })

  test('every proper prefix is DECODE_FAILED', () => {
    for (let length = 0; length < good.length; length++) {
      expect(codec.decode(good.subarray(0, length))).toMatchObject({ code: 'DECODE_FAILED' })
    }
  })

  test('bytes behind the record are DECODE_FAILED', () => {
    expect(codec.decode(Buffer.concat([good, Buffer.from([0])]))).toEqual({
      code: 'DECODE_FAILED',
      reason: '1 bytes are left behind the record',
    })
  })

  test('an id that nobody knows is SCHEMA_UNKNOWN, one of another record TYPE_UNKNOWN', () => {
    expect(codec.decode(plainBytes({}, 99))).toMatchObject({ code: 'SCHEMA_UNKNOWN' })
    expect(codec.decode(plainBytes({}, 2))).toMatchObject({ code: 'TYPE_UNKNOWN' })
  })

  test('an unknown enum symbol is FIELD_INVALID with the field', () => {
    const bytes = Buffer.from(good)
    bytes[bytes.length - 2] = 4
    expect(codec.decode(bytes)).toMatchObject({ code: 'FIELD_INVALID', field: '/colour' })
  })

  test('invalid UTF-8 in a string is FIELD_INVALID, a true U+FFFD is not', () => {
    const bytes = Buffer.from(codec.encode('everything', { ...sample, text: 'abcdefgh' }))
    bytes[bytes.indexOf('abcdefgh') + 3] = 0xff
    expect(codec.decode(bytes)).toMatchObject({ code: 'FIELD_INVALID', field: '/text' })
    expect(decoded(good)['text']).toContain('\uFFFD')
  })

  test('random bytes never throw and give a reject or an event', () => {
    const header = Buffer.from([0, 0, 0, 0, 1])
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, headed) => {
        const value = headed ? Buffer.concat([header, bytes]) : Buffer.from(bytes)
        const result = codec.decode(value)
        expect(isReject(result) || result.type === 0).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })

  test('flipped bits never throw; what is still an event encodes to an event again', () => {
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bytes = Buffer.from(good)
      bytes[bit >> 3] ^= 1 << (bit & 7)
      const result = codec.decode(bytes)
      if (isReject(result)) continue
      expect(decoded(codec.encode('everything', result.body))).toEqual(result.body)
    }
  })

  test('a claimed length of 2^50 bytes allocates nothing', () => {
    const lengths = [2n ** 20n, 2n ** 31n, 2n ** 50n, 2n ** 62n, -1n, -(2n ** 40n)]
    const before = process.memoryUsage().arrayBuffers
    for (const length of lengths) {
      const value = Buffer.concat([good.subarray(0, 5), longBytes(length), Buffer.from('abc')])
      expect(isReject(codec.decode(value))).toBe(true)
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20)
  })
})

describe('encode', () => {
  test.each([
    ['whole', 1.5],
    ['whole', 2 ** 31],
    ['long', 2 ** 53],
    ['double', NaN],
    ['maybe', Infinity],
    ['text', null],
    ['text', 'half a pair \uD800'],
    ['colour', 'blue'],
    ['event_id', 7],
    ['flag', undefined],
  ])('refuses %s = %s and names the field', (field, value) => {
    expect(() => codec.encode('everything', { ...sample, [field]: value })).toThrow(
      expect.objectContaining({
        code: 'EVENT_INVALID',
        message: expect.stringContaining(`field ${field}`) as string,
      }) as Error,
    )
  })

  test('refuses an event type that the app does not have', () => {
    expect(() => codec.encode('nothing', sample)).toThrow('nothing is no event type of this app')
  })

  test('fills in defaults and leaves out what the schema does not have', () => {
    const { maybe, bytes, source, ...rest } = { ...sample, maybe: 0, unknown: 1 }
    expect([maybe, bytes, source]).toEqual([0, null, null])
    expect(decoded(codec.encode('everything', rest))).toEqual({ ...sample, maybe: null })
  })
})

describe('schema resolution', () => {
  const first = record(
    'visit',
    { name: 'seconds', type: 'int' },
    { name: 'page', type: 'string' },
    { name: 'gone', type: ['null', 'string'], default: null },
  )
  const second: AvroRecordSchema = record(
    'visit',
    { name: 'duration', type: 'double', aliases: ['seconds'] } as AvroField,
    { name: 'page', type: ['null', 'string'], default: null },
    { name: 'device', type: 'string', default: 'web' },
  )
  const grown = registerSchemas(registerSchemas({}, [first], 'backward'), [second], 'backward')
  const old = new AvroCodec({ visit: first }, { 1: grown['1'] })
  const current = new AvroCodec({ visit: second }, grown)
  const body = { ...envelope, seconds: 90, page: '/', gone: 'x' }

  test('records of an older schema are read as the newest one has it', () => {
    expect(current.decode(old.encode('visit', body))).toEqual({
      type: 0,
      body: { ...envelope, duration: 90, page: '/', device: 'web' },
      schemaId: 1,
    })
  })

  test('new records carry the newest id', () => {
    const bytes = current.encode('visit', { ...envelope, duration: 1.5, page: null, device: 'tv' })
    expect(bytes.readUInt32BE(1)).toBe(2)
  })

  test('prefixes and flipped bits of older records never throw', () => {
    const bytes = old.encode('visit', body)
    for (let length = 0; length < bytes.length; length++) {
      expect(isReject(current.decode(bytes.subarray(0, length)))).toBe(true)
    }
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] ^= 1 << (bit & 7)
      current.decode(flipped)
    }
  })

  test('a registry without the current schema is refused', () => {
    expect(() => new AvroCodec({ visit: second }, { 1: grown['1'] })).toThrow('has no id')
  })
})
