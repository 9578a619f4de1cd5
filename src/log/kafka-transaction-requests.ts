/** The requests of a transaction: who writes, to which partitions, what, and how it ends. */
import { byTopic, type KafkaRequest } from './kafka-requests.js'
import type { TopicPartition } from './tails.js'

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** Fences whoever had the transactional id, and ends what he left open. */
export function initProducerIdRequest(
  transactionalId: string,
  transactionTimeoutMs: number,
): KafkaRequest<ProducerIdentity & { readonly error: number }> {
  return {
    name: 'InitProducerId',
    key: 22,
    version: 1,
    encode: (writer) => writer.string(transactionalId).int32(transactionTimeoutMs),
    decode: (reader) => {
      reader.int32()
      return { error: reader.int16(), producerId: reader.int64(), producerEpoch: reader.int16() }
    },
  }
}

type Writer = ProducerIdentity & { readonly transactionalId: string }

/** Answers the first error of any partition, 0 where there is none. */
export function addPartitionsRequest(
  { transactionalId, producerId, producerEpoch }: Writer,
  partitions: readonly TopicPartition[],
): KafkaRequest<number> {
  return {
    name: 'AddPartitionsToTxn',
    key: 24,
    version: 1,
    encode: (writer) => {
      writer.string(transactionalId).int64(producerId).int16(producerEpoch)
      writer.array(byTopic(partitions), (_, [topic, those]) => {
        writer.string(topic).array(those, (_writer, { partition }) => writer.int32(partition))
      })
    },
    decode: (reader) => {
      reader.int32()
      const errors = reader.array(() => {
        reader.string()
        return reader.array(() => (reader.int32(), reader.int16()))
      })
      // Where one partition fails, the others say that they were not tried (55).
      const failed = errors.flat().filter((error) => error !== 0)
      return failed.find((error) => error !== 55) ?? failed[0] ?? 0
    },
  }
}

/** Commits or aborts; answers the error. */
export function endTxnRequest(
  { transactionalId, producerId, producerEpoch }: Writer,
  commits: boolean,
): KafkaRequest<number> {
  return {
    name: 'EndTxn',
    key: 26,
    version: 1,
    encode: (writer) => {
      writer.string(transactionalId).int64(producerId).int16(producerEpoch)
      writer.int8(commits ? 1 : 0)
    },
    decode: (reader) => {
      reader.int32()
      return reader.int16()
    },
  }
}

export interface ProducedBatch extends TopicPartition {
  /** Sent as they are, so nobody writes to them before the answer. */
  readonly bytes: Buffer
}

export interface Produced extends TopicPartition {
  readonly error: number
  readonly baseOffset: number
}

/** At most one batch a partition. */
export function produceRequest(
  transactionalId: string,
  batches: readonly ProducedBatch[],
  timeoutMs: number,
): KafkaRequest<Produced[]> {
  return {
    name: 'Produce',
    key: 0,
    version: 7,
    waitMs: timeoutMs,
    encode: (writer) => {
      writer.string(transactionalId).int16(-1).int32(timeoutMs)
      writer.array(byTopic(batches), (_, [topic, those]) => {
        writer.string(topic).array(those, (_writer, { partition, bytes }) => {
          writer.int32(partition).int32(bytes.length).view(bytes)
        })
      })
    },
    decode: (reader) =>
      reader
        .array(() => {
          const topic = reader.string()!
          return reader.array(() => {
            const partition = reader.int32()
            const error = reader.int16()
            const baseOffset = reader.int64()
            reader.int64()
            reader.int64()
            return { topic, partition, error, baseOffset }
          })
        })
        .flat(),
  }
}
