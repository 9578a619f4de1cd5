/**
 * Avro's primitives as an event may hold them: finite numbers, whole numbers without loss, strings
 * that are text. avsc asks a type hook for the type of each schema, and gets these.
 *
 * They extend avsc's own classes at the methods by which its readers and writers call each other
 * (`_read`, `_write`, `_check`: not in its typings, unchanged through all of 5.x); the tests hold
 * every one of them against the plain types, so a new release that calls others would be seen.
 */
import { isUtf8 } from 'node:buffer'
import avsc from 'avsc'
import type { RejectCode } from './event.js'
import type { AvroRecordSchema } from './schema-types.js'

/** Where avsc reads and writes. It reads 0 behind the buffer's end; the caller checks `pos`. */
interface Tap {
  readonly buf: Buffer
  pos: number
  readInt(): number
  readLong(): number
  readFloat(): number
  readDouble(): number
  readString(): string | undefined
  writeLong(value: number): void
  writeFloat(value: number): void
  writeDouble(value: number): void
  writeString(value: string): void
}

type Hook = ((value: unknown, type: avsc.Type) => void) | undefined

/** Thrown within a decode, and caught there: a value that Avro can say and an event must not. */
export class ValueFault extends Error {
  constructor(
    readonly code: RejectCode,
    text: string,
  ) {
    super(text)
  }
}

function verdict(ok: boolean, value: unknown, type: avsc.Type, hook: Hook): boolean {
  if (!ok && hook !== undefined) hook(value, type)
  return ok
}

function invalid(value: unknown, type: avsc.Type): ValueFault {
  return new ValueFault('FIELD_INVALID', `${String(value)} is no ${type.typeName}`)
}

class SafeInt extends avsc.types.IntType {
  _read(tap: Tap): number {
    const value = tap.readInt()
    if (value !== (value | 0)) {
      throw new ValueFault('NUMBER_RANGE', `${value} is beyond the 32 bits of an int`)
    }
    return value
  }
}

class SafeLong extends avsc.types.LongType {
  _check(value: unknown, _flags: number, hook: Hook): boolean {
    return verdict(Number.isSafeInteger(value), value, this, hook)
  }

  _read(tap: Tap): number {
    const start = tap.pos
    const value = tap.readLong()
    // avsc adds up doubles in zigzag form, twice the value: beyond 2^52 it rounds, and even takes
    // odd (negative) numbers for even (positive) ones.
    if (value > -EXACT_END && value < EXACT_END) return value
    const exact = exactLong(tap.buf, start, tap.pos)
    if (Number.isSafeInteger(exact)) return exact
    throw new ValueFault('NUMBER_RANGE', 'a long beyond ±(2^53 − 1) cannot be kept exactly')
  }

  _write(tap: Tap, value: unknown): void {
    if (!Number.isSafeInteger(value)) throw invalid(value, this)
    if ((value as number) > -EXACT_END) tap.writeLong(value as number)
    else writeExactLong(tap, value as number)
  }
}

const EXACT_END = 2 ** 52

function exactLong(buffer: Buffer, start: number, end: number): number {
  // Ten groups of 7 bits hold any long.
  if (end - start > 10) return NaN
  let zigzag = 0n
  for (let at = start; at < end; at++) {
    zigzag |= BigInt((buffer[at] ?? 0) & 127) << BigInt(7 * (at - start))
  }
  return Number(zigzag & 1n ? -(zigzag >> 1n) - 1n : zigzag >> 1n)
}

function writeExactLong(tap: Tap, value: number): void {
  let zigzag = BigInt(value) * -2n - 1n
  while (zigzag > 127n) {
    tap.buf[tap.pos++] = Number(zigzag & 127n) | 128
    zigzag >>= 7n
  }
  tap.buf[tap.pos++] = Number(zigzag)
}

function finite(value: number): number {
  // Infinity − Infinity is NaN too, so one comparison serves for all three.
  if (value - value !== 0) throw new ValueFault('NUMBER_RANGE', `${value} is not a finite number`)
  // −0 + 0 is 0: equal values must have equal bytes wherever they go.
  return value + 0
}

class FiniteFloat extends avsc.types.FloatType {
  _check(value: unknown, _flags: number, hook: Hook): boolean {
    return verdict(Number.isFinite(value), value, this, hook)
  }

  _read(tap: Tap): number {
    return finite(tap.readFloat())
  }

  _write(tap: Tap, value: unknown): void {
    if (!Number.isFinite(value)) throw invalid(value, this)
    tap.writeFloat((value as number) + 0)
  }
}

class FiniteDouble extends avsc.types.DoubleType {
  _check(value: unknown, _flags: number, hook: Hook): boolean {
    return verdict(Number.isFinite(value), value, this, hook)
  }

  _read(tap: Tap): number {
    return finite(tap.readDouble())
  }

  _write(tap: Tap, value: unknown): void {
    if (!Number.isFinite(value)) throw invalid(value, this)
    tap.writeDouble((value as number) + 0)
  }
}

/** Node 20 has it, the compiler's library knows it from ES2024 on. */
const isWellFormed = (text: string): boolean =>
  (text as string & { isWellFormed(): boolean }).isWellFormed()

class Text extends avsc.types.StringType {
  _check(value: unknown, _flags: number, hook: Hook): boolean {
    return verdict(typeof value === 'string' && isWellFormed(value), value, this, hook)
  }

  _read(tap: Tap): string {
    const start = tap.pos
    const text = tap.readString()
    // Behind the buffer's end: the caller sees `pos` and calls it truncated.
    if (text === undefined) return ''
    // Node puts U+FFFD for what is no UTF-8; only then it is worth looking at the bytes.
    if (text.includes('\uFFFD') && !isUtf8(bytesOfString(tap, start))) {
      throw new ValueFault('FIELD_INVALID', 'the string is not valid UTF-8')
    }
    return text
  }

  _write(tap: Tap, value: unknown): void {
    if (typeof value !== 'string' || !isWellFormed(value)) throw invalid(value, this)
    tap.writeString(value)
  }
}

/** The string that was just read; its length, a long, stands at `start`. */
function bytesOfString(tap: Tap, start: number): Buffer {
  let at = start
  while (tap.buf[at++] & 128);
  return tap.buf.subarray(at, tap.pos)
}

const primitives = {
  int: new SafeInt(),
  long: new SafeLong(),
  float: new FiniteFloat(),
  double: new FiniteDouble(),
  string: new Text(),
}

/**
 * The avsc type of an event's schema with these primitives in it. Logical types are read as what
 * they are made of: a time is an integer.
 */
export function eventType(schema: AvroRecordSchema): avsc.types.RecordType {
  return typeWith(schema, primitives)
}

/**
 * The avsc type of a record whose longs are exact up to ±(2^53 − 1): avsc's own refuses the
 * outermost, and gives negative ones below −2^52 a wrong sign.
 */
export function exactType(schema: AvroRecordSchema): avsc.types.RecordType {
  return typeWith(schema, { long: primitives.long })
}

function typeWith(
  schema: AvroRecordSchema,
  types: Readonly<Record<string, avsc.Type>>,
): avsc.types.RecordType {
  return avsc.Type.forSchema(schema as unknown as avsc.Schema, {
    omitRecordMethods: true,
    typeHook: (part) => {
      const name = typeof part === 'string' ? part : (part as { readonly type?: unknown }).type
      return typeof name === 'string' ? types[name] : undefined
    },
  }) as avsc.types.RecordType
}
