/**
 * The requests that the log sends, in the versions that brokers 3.6 to 4.x have in common.
 *
 * Error codes are handed out as numbers: the client's own table ends long before the broker's.
 */
import type { WireReader, WireWriter } from './kafka-wire.js'
import type { TopicPartition } from './tails.js'

export interface KafkaRequest<T> {
  readonly name: string
  readonly key: number
  readonly version: number
  encode(writer: WireWriter): void
  decode(reader: WireReader): T
  /** How long the broker may take beyond the client's own patience, in ms. */
  readonly waitMs?: number
}

export interface Place {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

export interface TopicMetadata {
  readonly error: number
  readonly name: string
  /** 32 hexadecimal digits: a topic that is created anew has another one. */
  readonly id: string
  /** By partition; the leader's node id, or -1 where there is none now. */
  readonly leaders: readonly number[]
  /** How many brokers have a copy of that partition which has the fewest. */
  readonly copies: number
}

export interface Metadata {
  readonly places: readonly Place[]
  readonly topics: readonly TopicMetadata[]
}

/** Metadata, version 12: the first fields of a flexible version are their own header's tags. */
export function metadataRequest(topics: readonly string[]): KafkaRequest<Metadata> {
  return {
    name: 'Metadata',
    key: 3,
    version: 12,
    encode: (writer) => {
      writer.int8(0).uvarint(topics.length + 1)
      for (const topic of topics) {
        writer.raw(Buffer.alloc(16)).compactString(topic).int8(0)
      }
      writer.int8(0).int8(0).int8(0)
    },
    decode: (reader) => {
      reader.skipTags()
      reader.int32()
      const places = reader.compactArray(() => readPlace(reader))
      reader.compactString()
      reader.int32()
      return { places, topics: reader.compactArray(() => readTopic(reader)) }
    },
  }
}

function readPlace(reader: WireReader): Place {
  const place = { nodeId: reader.int32(), host: reader.compactString()!, port: reader.int32() }
  reader.compactString()
  reader.skipTags()
  return place
}

function readTopic(reader: WireReader): TopicMetadata {
  const error = reader.int16()
  const name = reader.compactString() ?? ''
  const id = reader.raw(16).toString('hex')
  reader.int8()
  const leaders: number[] = []
  let copies = Infinity
  reader.compactArray(() => {
    const partitionError = reader.int16()
    const partition = reader.int32()
    const leader = reader.int32()
    reader.int32()
    copies = Math.min(copies, reader.compactArray(() => reader.int32()).length)
    // Those in sync, and those offline.
    for (let list = 0; list < 2; list += 1) reader.compactArray(() => reader.int32())
    reader.skipTags()
    leaders[partition] = partitionError === 0 ? leader : -1
  })
  reader.int32()
  reader.skipTags()
  return { error, name, id, leaders, copies }
}

/** What a coordinator looks after. */
export type Coordinated = 'transactions' | 'group'

/** Who answers for a transactional id, or for a group. */
export function findCoordinatorRequest(
  id: string,
  of: Coordinated,
): KafkaRequest<Place & { readonly error: number }> {
  return {
    name: 'FindCoordinator',
    key: 10,
    version: 2,
    encode: (writer) => writer.string(id).int8(of === 'group' ? 0 : 1),
    decode: (reader) => {
      reader.int32()
      const error = reader.int16()
      reader.string()
      const nodeId = reader.int32()
      return { error, nodeId, host: reader.string() ?? '', port: reader.int32() }
    },
  }
}

/** A transaction that was aborted, and its first record in the partition. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface Fetched {
  readonly error: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly aborted: readonly AbortedTransaction[]
  /** Record batches; the last one may be cut off. */
  readonly bytes: Buffer
}

export interface FetchOptions {
  /** Of the topic: one that was created anew under the same name is another one. */
  readonly topicId: string
  readonly partition: number
  readonly offset: number
  readonly waitMs: number
  readonly bytesMax: number
}

/** What is stable of one partition, from an offset on; waits for a first byte. */
export function fetchRequest(options: FetchOptions): KafkaRequest<Fetched> {
  const { topicId, partition, offset, waitMs, bytesMax } = options
  return {
    name: 'Fetch',
    key: 1,
    version: 13,
    waitMs,
    encode: (writer) => {
      writer.int8(0)
      writer.int32(-1).int32(waitMs).int32(1).int32(bytesMax).int8(1).int32(0).int32(-1)
      writer.uvarint(2).raw(Buffer.from(topicId, 'hex')).uvarint(2)
      writer.int32(partition).int32(-1).int64(offset).int32(-1).int64(-1).int32(bytesMax).int8(0)
      writer.int8(0).uvarint(1).compactString('').int8(0)
    },
    decode: (reader) => {
      reader.skipTags()
      reader.int32()
      const failed = reader.int16()
      reader.int32()
      // An answer about nothing comes from a broker that holds back: not an empty partition.
      if (failed !== 0 || reader.uvarint() <= 1) return { ...nothing, error: failed || timedOut }
      reader.raw(16)
      reader.uvarint()
      reader.int32()
      const error = reader.int16()
      const highWatermark = reader.int64()
      const lastStableOffset = reader.int64()
      const logStartOffset = reader.int64()
      const aborted = reader.compactArray(() => {
        const transaction = { producerId: reader.int64(), firstOffset: reader.int64() }
        reader.skipTags()
        return transaction
      })
      reader.int32()
      const bytes = reader.raw(Math.max(0, reader.uvarint() - 1))
      return { error, highWatermark, lastStableOffset, logStartOffset, aborted, bytes }
    },
  }
}

/** "Not now", by its number. */
const timedOut = 7

const nothing = {
  highWatermark: -1,
  lastStableOffset: -1,
  logStartOffset: -1,
  aborted: [],
  bytes: Buffer.alloc(0),
}

export interface ListedOffset extends TopicPartition {
  readonly error: number
  readonly offset: number
}

/**
 * The first offset, the last stable one (behind which a transaction is open or nothing), or the high
 * watermark, of several partitions.
 */
export function listOffsetsRequest(
  partitions: readonly TopicPartition[],
  which: 'start' | 'stable' | 'high-watermark',
): KafkaRequest<ListedOffset[]> {
  return {
    name: 'ListOffsets',
    key: 2,
    version: 3,
    encode: (writer) => {
      writer.int32(-1).int8(which === 'high-watermark' ? 0 : 1)
      writer.array(byTopic(partitions), (_, [topic, those]) => {
        writer.string(topic).array(those, (_writer, { partition }) => {
          writer.int32(partition).int64(which === 'start' ? -2 : -1)
        })
      })
    },
    decode: (reader) => {
      reader.int32()
      return reader
        .array(() => {
          const topic = reader.string()!
          return reader.array(() => {
            const partition = reader.int32()
            const error = reader.int16()
            reader.int64()
            return { topic, partition, error, offset: reader.int64() }
          })
        })
        .flat()
    },
  }
}

/** Requests name each topic once. */
export function byTopic<T extends TopicPartition>(partitions: readonly T[]): [string, T[]][] {
  const topics = new Map<string, T[]>()
  for (const it of partitions) {
    const those = topics.get(it.topic)
    if (those === undefined) topics.set(it.topic, [it])
    else those.push(it)
  }
  return [...topics]
}
