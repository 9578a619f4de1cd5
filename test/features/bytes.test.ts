import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader } from '../../src/features/byte-reader.js'
import { ByteWriter } from '../../src/features/byte-writer.js'

const writer = new ByteWriter()
const whole = fc.maxSafeNat()
/** `signed` holds 53 bits with the sign. */
const signed = fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 })
const double = fc.oneof(
  fc.double({ noDefaultInfinity: true }),
  fc.integer(),
  fc.constantFrom(0, 1e300, 5e-324, -1_048_576, 1_048_576, 0.5, -0.25),
)
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ minLength: 120, maxLength: 300 }),
)

/** A kind of value: how it is written and read back. */
const values = fc.oneof(
  whole.map((value) => ['varint', value] as const),
  signed.map((value) => ['signed', value] as const),
  double.map((value) => ['double', value + 0] as const),
  text.map((value) => ['text', value] as const),
  fc.bigInt().map((value) => ['big', value] as const),
)

function write(into: ByteWriter, [kind, value]: readonly [string, unknown]): void {
  const methods = into as unknown as Record<string, (value: unknown) => void>
  methods[kind]?.call(into, value)
}

function read(from: ByteReader, [kind]: readonly [string, unknown]): unknown {
  const methods = from as unknown as Record<string, () => unknown>
  return methods[kind]?.call(from)
}

describe('bytes', () => {
  it('give back what was written', () => {
    fc.assert(
      fc.property(fc.array(values, { maxLength: 60 }), (list) => {
        for (const one of list) write(writer, one)
        const reader = new ByteReader(writer.take())
        expect(list.map((one) => read(reader, one))).toEqual(list.map(([, value]) => value))
        reader.end()
      }),
    )
  })

  it('hold two doubles side by side', () => {
    fc.assert(
      fc.property(double, double, (first, second) => {
        writer.pair(first + 0, second + 0)
        const found = [0, 0]
        new ByteReader(writer.take()).pair(found, 0)
        expect(found).toEqual([first + 0, second + 0])
      }),
    )
  })

  it.each([0, 1, 126, 127, 128, 129, 300, 16_383, 16_384, 70_000])(
    'know the length of a part of %i bytes',
    (size) => {
      writer.byte(7)
      const start = writer.begin()
      for (let i = 0; i < size; i++) writer.byte(i & 255)
      writer.end(start)
      writer.byte(9)
      const reader = new ByteReader(writer.take())
      expect([reader.byte(), reader.count()]).toEqual([7, size])
      for (let i = 0; i < size; i++) expect(reader.byte()).toBe(i & 255)
      expect(reader.byte()).toBe(9)
      reader.end()
    },
  )

  it('that were cut or changed are read without running out of them', () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 8 }), fc.nat(), (list, cut) => {
        for (const one of list) write(writer, one)
        const bytes = writer.take()
        const reader = new ByteReader(bytes.subarray(0, cut % bytes.length))
        expect(() => {
          for (const one of list) read(reader, one)
          reader.end()
        }).toThrow(RangeError)
      }),
    )
  })

  it('small numbers and short texts take few', () => {
    const sizeOf = (kind: string, value: unknown): number => {
      write(writer, [kind, value])
      return writer.take().length
    }
    expect(sizeOf('varint', 127)).toBe(1)
    expect(sizeOf('varint', 2 ** 53 - 1)).toBe(8)
    expect(sizeOf('double', 0)).toBe(1)
    expect(sizeOf('double', 60)).toBe(2)
    expect(sizeOf('double', 0.5)).toBe(3)
    expect(sizeOf('double', 19.99)).toBe(9)
    expect(sizeOf('text', 'plan')).toBe(5)
  })
})
