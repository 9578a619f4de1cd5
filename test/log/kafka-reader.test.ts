/** A reader whose answers are changed on their way, over a cluster that is only played. */
import { expect, onTestFinished, test } from 'vitest'
import { BatchBuilder } from '../../src/log/kafka-batch-builder.js'
import { KafkaReader, type KafkaReaderParts } from '../../src/log/kafka-reader.js'
import { Tail } from '../../src/log/tails.js'

const values = ['one', 'two', 'three']

function soundBatch(): Buffer {
  const builder = new BatchBuilder()
  for (const value of values) {
    builder.add({ key: null, value: Buffer.from(value), timestamp: 1, headers: null })
  }
  return Buffer.from(builder.finish({ producerId: 7, producerEpoch: 0, baseSequence: 0 }))
}

/** Of a partition with one batch, which has a flipped bit in the first `wrong` answers. */
function readerOf(wrong: number) {
  const asked: number[] = []
  const answer = async () => {
    const bytes = soundBatch()
    if (asked.push(bytes.length) <= wrong) bytes[bytes.length - 8] ^= 4
    const [highWatermark, logStartOffset] = [values.length, 0]
    return { error: 0, highWatermark, lastStableOffset: 3, logStartOffset, aborted: [], bytes }
  }
  const cluster = {
    connector: {},
    topic: () => ({ id: '00'.repeat(16) }),
    deadline: () => ({ check: () => undefined }),
    sendToLeader: answer,
  }
  const ends = { follow: () => undefined, unfollow: () => undefined, prove: async () => null }
  const parts = { cluster, ends } as unknown as KafkaReaderParts
  const options = { fetchBytesMax: 1 << 20, fetchWaitMs: 100 }
  const reader = new KafkaReader(parts, new Tail('t', 0), 0, options, () => undefined)
  onTestFinished(() => reader.close())
  return { reader, asked }
}

test.each([0, 1, 4])('records that came wrong %i times are asked for again', async (wrong) => {
  const { reader, asked } = readerOf(wrong)
  const { records } = await reader.poll(10, 1_000)
  expect(records.map(({ value }) => String(value))).toEqual(values)
  expect(asked).toHaveLength(wrong + 1)
})

test('records that are wrong every time are damage of the log', async () => {
  const { reader, asked } = readerOf(Infinity)
  await expect(reader.poll(10, 1_000)).rejects.toMatchObject({
    code: 'LOG_DAMAGED',
    message: expect.stringContaining('t partition 0 at offset 0') as string,
  })
  expect(asked).toHaveLength(5)
})
