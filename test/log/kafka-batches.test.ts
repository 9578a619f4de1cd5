/** Record batches: what is built is what is read, by us and by the client's own decoder. */
import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { BatchBuilder } from '../../src/log/kafka-batch-builder.js'
import { readBatches } from '../../src/log/kafka-batch-reader.js'
import type { BatchRecords } from '../../src/log/kafka-batch-records.js'
import type { LogRecord, StoredRecord } from '../../src/log/log.js'
import { recordBytesMax } from '../../src/log/log.js'
import { seededRandom } from '../support/random.js'

const at = { topic: 't', partition: 3 }
const stamp = { producerId: 7, producerEpoch: 2, baseSequence: 40 }

interface TheirRecord {
  readonly offset: string
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | Buffer[]>>
}
interface TheirBatch {
  readonly records: readonly TheirRecord[]
  readonly producerId: string
  readonly producerEpoch: number
  readonly firstSequence: number
  readonly inTransaction: boolean
}
const require = createRequire(import.meta.url)
const theirDecode = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (
  decoder: unknown,
) => Promise<TheirBatch>
const TheirDecoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => unknown

function batchOf(records: readonly LogRecord[], firstOffset = 0): Buffer {
  const builder = new BatchBuilder()
  for (const record of records) expect(builder.add(record)).toBe(true)
  const bytes = Buffer.from(builder.finish(stamp))
  bytes.writeBigInt64BE(BigInt(firstOffset), 0)
  return bytes
}

function allOf(batch: BatchRecords, portion: number): StoredRecord[] {
  const taken: StoredRecord[] = []
  while (batch.left > 0) batch.take(portion, taken)
  return taken
}

function randomRecords(seed: number, count: number): LogRecord[] {
  const random = seededRandom(seed)
  const times = [0, 1_700_000_000_000, -62_135_596_800_000, 8_640_000_000_000_000]
  return Array.from({ length: count }, () => {
    const bytes = (most: number) =>
      random.below(8) === 0 ? null : Buffer.alloc(random.below(most), random.below(256))
    return {
      key: bytes(40),
      value: bytes(random.below(20) === 0 ? 40_000 : 300),
      timestamp: times[random.below(10) === 0 ? random.below(4) : 1] + random.below(2 ** 31),
      headers:
        random.below(4) === 0
          ? [
              ['näme', Buffer.from('1')],
              [`h${random.below(3)}`, Buffer.alloc(random.below(200), 9)],
            ]
          : null,
    }
  })
}

describe.each([1, 2])('batches of random records (seed %i)', (seed) => {
  const records = randomRecords(seed, 200)

  test('are read as they were built, from any offset', async () => {
    const bytes = Buffer.concat([
      batchOf(records.slice(0, 80), 1000),
      batchOf(records.slice(80), 1100),
    ])
    const offsets = records.map((_, index) => (index < 80 ? 1000 : 1020) + index)
    const due = records.map((record, index) => ({ ...record, offset: offsets[index] }))
    for (const from of [1000, 1001, 1079, 1080, 1100, 1101, 1219]) {
      const { batches, nextOffset } = await readBatches({ bytes, aborted: [] }, at, from)
      const came = batches.flatMap((batch) => allOf(batch, 1 + (from % 7)))
      expect(came).toEqual(due.filter(({ offset }) => offset >= from))
      expect(nextOffset).toBe(1220)
    }
  })

  test("are read alike by the client's own decoder", async () => {
    const { records: came, ...head } = await theirDecode(new TheirDecoder(batchOf(records, 5)))
    expect(head).toMatchObject({
      producerId: '7',
      producerEpoch: 2,
      firstSequence: 40,
      inTransaction: true,
    })
    expect(came).toHaveLength(records.length)
    for (const [index, { key, value, timestamp, headers }] of records.entries()) {
      expect(came[index]).toMatchObject({ key, value, offset: String(5 + index) })
      expect(came[index].timestamp).toBe(String(timestamp))
      expect(Object.entries(came[index].headers)).toEqual(headers ?? [])
    }
  })
})

test('a batch that is cut off is left for the next answer', async () => {
  const records = randomRecords(9, 20)
  const [first, second] = [batchOf(records.slice(0, 10), 0), batchOf(records.slice(10), 10)]
  for (const size of [1, 60, 61, second.length - 1]) {
    const bytes = Buffer.concat([first, second.subarray(0, size)])
    const read = await readBatches({ bytes, aborted: [] }, at, 0)
    expect(read.batches.map(({ left }) => left)).toEqual([10])
    expect(read.nextOffset).toBe(10)
  }
})

test('a flipped bit is damage, told with its place', async () => {
  const random = seededRandom(4)
  const sound = batchOf(randomRecords(9, 20), 50)
  for (let round = 0; round < 200; round += 1) {
    const bytes = Buffer.from(sound)
    bytes[21 + random.below(bytes.length - 21)] ^= 1 << random.below(8)
    await expect(readBatches({ bytes, aborted: [] }, at, 50)).rejects.toMatchObject({
      code: 'LOG_DAMAGED',
      message: expect.stringContaining('t partition 3 at offset 50') as string,
    })
  }
})

test('a batch takes no more than a topic does, and the largest record alone', () => {
  const record = (bytes: number): LogRecord => {
    return { key: null, value: Buffer.alloc(bytes), timestamp: 1, headers: null }
  }
  const builder = new BatchBuilder()
  let count = 0
  while (builder.add(record(10_000))) count += 1
  expect(count).toBeGreaterThan(100)
  expect(builder.size).toBeLessThanOrEqual(recordBytesMax)
  expect(builder.finish(stamp).length).toBe(builder.size)
  const alone = new BatchBuilder()
  expect(alone.add(record(recordBytesMax - 100))).toBe(true)
  expect(alone.add(record(1))).toBe(false)
  expect(alone.size).toBeLessThanOrEqual(recordBytesMax)
})
