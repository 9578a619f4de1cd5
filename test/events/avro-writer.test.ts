import avsc from 'avsc'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AvroWriter } from '../../src/events/avro-writer.js'

const long = avsc.Type.forSchema('long')
const string = avsc.Type.forSchema('string')

// Beyond 2^52 avsc rounds its zigzag; the writer does not.
test('longs and times are the bytes that avsc writes', () => {
  const writer = new AvroWriter(16)
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), (value) => {
      writer.long(value)
      expect(writer.take()).toEqual(long.toBuffer(value))
      writer.time(Math.abs(value))
      expect(writer.take()).toEqual(long.toBuffer(Math.abs(value)))
    }),
    { numRuns: 2000 },
  )
  for (const value of [0, 1, -1, 63, 64, 0x3fffffff, 0x40000000, -0x40000000, 2 ** 52]) {
    writer.long(value)
    expect(writer.take()).toEqual(long.toBuffer(value))
  }
})

test('strings of any length and script are the bytes that avsc writes', () => {
  const writer = new AvroWriter(16)
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
      writer.string(text)
      expect(writer.take()).toEqual(string.toBuffer(text))
    }),
  )
})

test('a buffer that grows leaves what was taken before untouched', () => {
  const writer = new AvroWriter(16)
  writer.string('first')
  const first = writer.take()
  for (let i = 0; i < 10_000; i++) writer.string('another row')
  expect(string.fromBuffer(first)).toBe('first')
})
