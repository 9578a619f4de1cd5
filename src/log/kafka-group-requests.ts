/**
 * The requests of a group's member, in the versions that brokers 3.6 to 4.x have in common, and
 * what a member and its leader tell each other in them: in the form of Kafka's own consumers, so that
 * the tools which come with it can show it.
 */
import type { KafkaRequest } from './kafka-requests.js'
import { WireReader, WireWriter } from './kafka-wire.js'
import type { Sharer } from './share-out.js'

/** The name under which all members must know how to share out. */
export const protocolName = 'tidemark-nearest'

interface Bytes {
  readonly written: Buffer
}

const bytesOf = (writer: WireWriter, { written }: Bytes) =>
  writer.int32(written.length).raw(written)

export interface Joined {
  readonly error: number
  readonly generation: number
  readonly leader: string
  readonly memberId: string
  /** All members with what they brought; empty for all but the leader. */
  readonly members: readonly { readonly id: string; readonly metadata: Buffer }[]
}

export interface JoinOptions {
  readonly groupId: string
  /** Empty at the first time; the answer has one. */
  readonly memberId: string
  readonly instanceId: string | null
  readonly sessionMs: number
  /** How long the group waits for its members to come. */
  readonly rebalanceMs: number
  readonly metadata: Bytes
}

export function joinGroupRequest(options: JoinOptions): KafkaRequest<Joined> {
  const { groupId, memberId, instanceId, sessionMs, rebalanceMs, metadata } = options
  return {
    name: 'JoinGroup',
    key: 11,
    version: 5,
    waitMs: rebalanceMs,
    encode: (writer) => {
      writer.string(groupId).int32(sessionMs).int32(rebalanceMs).string(memberId)
      writer.string(instanceId).string('consumer').int32(1).string(protocolName)
      bytesOf(writer, metadata)
    },
    decode: (reader) => {
      reader.int32()
      const error = reader.int16()
      const generation = reader.int32()
      reader.string()
      const leader = reader.string() ?? ''
      const joinedId = reader.string() ?? ''
      const members = reader.array(() => {
        const id = reader.string()!
        reader.string()
        return { id, metadata: Buffer.from(reader.raw(reader.int32())) }
      })
      return { error, generation, leader, memberId: joinedId, members }
    },
  }
}

export interface Membership {
  readonly groupId: string
  readonly generation: number
  readonly memberId: string
  /** By which the group knows the member again when it has another id (KIP-345); null: it does not. */
  readonly instanceId: string | null
}

/** The leader hands out the shares; everybody gets his own. */
export function syncGroupRequest(
  { groupId, generation, memberId, instanceId }: Membership,
  shares: ReadonlyMap<string, Bytes>,
): KafkaRequest<{ readonly error: number; readonly share: Buffer }> {
  return {
    name: 'SyncGroup',
    key: 14,
    version: 3,
    encode: (writer) => {
      writer.string(groupId).int32(generation).string(memberId).string(instanceId)
      writer.array([...shares], (_, [id, share]) => {
        writer.string(id)
        bytesOf(writer, share)
      })
    },
    decode: (reader) => {
      reader.int32()
      const error = reader.int16()
      return { error, share: Buffer.from(reader.raw(Math.max(0, reader.int32()))) }
    },
  }
}

export function heartbeatRequest({
  groupId,
  generation,
  memberId,
  instanceId,
}: Membership): KafkaRequest<number> {
  return {
    name: 'Heartbeat',
    key: 12,
    version: 3,
    encode: (writer) =>
      writer.string(groupId).int32(generation).string(memberId).string(instanceId),
    decode: (reader) => (reader.int32(), reader.int16()),
  }
}

export function leaveGroupRequest({
  groupId,
  memberId,
  instanceId,
}: Membership): KafkaRequest<number> {
  return {
    name: 'LeaveGroup',
    key: 13,
    version: 3,
    encode: (writer) => writer.string(groupId).int32(1).string(memberId).string(instanceId),
    decode: (reader) => (reader.int32(), reader.int16()),
  }
}

/** Offsets of one topic's partitions; answers the first error. */
export function offsetCommitRequest(
  { groupId, generation, memberId, instanceId }: Membership,
  topic: string,
  offsets: ReadonlyMap<number, number>,
): KafkaRequest<number> {
  return {
    name: 'OffsetCommit',
    key: 8,
    version: 7,
    encode: (writer) => {
      writer.string(groupId).int32(generation).string(memberId).string(instanceId)
      writer.int32(1).string(topic)
      writer.array([...offsets], (_, [partition, offset]) => {
        writer.int32(partition).int64(offset).int32(-1).string('')
      })
    },
    decode: (reader) => {
      reader.int32()
      const errors = reader.array(() => {
        reader.string()
        return reader.array(() => (reader.int32(), reader.int16()))
      })
      return errors.flat().find((error) => error !== 0) ?? 0
    },
  }
}

/** How many members a group has; one that nobody has heard of has none. */
export function describeGroupRequest(
  groupId: string,
): KafkaRequest<{ readonly error: number; readonly members: number }> {
  return {
    name: 'DescribeGroups',
    key: 15,
    version: 1,
    encode: (writer) => writer.array([groupId], (_, id) => writer.string(id)),
    decode: (reader) => {
      reader.int32()
      const [answer] = reader.array(() => {
        const error = reader.int16()
        for (let text = 0; text < 4; text++) reader.string()
        const members = reader.array(() => {
          for (let text = 0; text < 3; text++) reader.string()
          for (let bytes = 0; bytes < 2; bytes++) reader.raw(reader.int32())
        })
        return { error, members: members.length }
      })
      return answer
    },
  }
}

/** What a member brings: as user data of the consumer's own form, as JSON. */
export function encodeSharer(topic: string, sharer: Omit<Sharer, 'id'>): WireWriter {
  const { owned, stores, generation } = sharer
  const text = JSON.stringify({ owned, stores: [...stores], generation })
  const writer = new WireWriter().int16(0).int32(1).string(topic)
  return bytesOf(writer, { written: Buffer.from(text) })
}

/** One that cannot be read brings nothing. */
export function decodeSharer(id: string, metadata: Buffer): Sharer {
  try {
    const reader = new WireReader(metadata)
    reader.int16()
    reader.array(() => reader.string())
    const text = reader.raw(reader.int32()).toString()
    const { owned, stores, generation } = JSON.parse(text) as {
      owned: number[]
      stores: [number, number][]
      generation: number
    }
    return { id, owned, stores: new Map(stores), generation }
  } catch {
    return { id, owned: [], stores: new Map(), generation: -1 }
  }
}

/** What a member gets: partitions to run, and partitions of which to keep copies. */
export interface Share {
  readonly partitions: readonly number[]
  readonly copies: readonly number[]
  /** The member that it was made out to; null: its leader does not say so. */
  readonly to: string | null
}

export function encodeShare(topic: string, { partitions, copies, to }: Share): WireWriter {
  const writer = new WireWriter().int16(0).int32(1).string(topic)
  writer.array(partitions, (_, partition) => writer.int32(partition))
  return bytesOf(writer, { written: Buffer.from(JSON.stringify({ copies, to })) })
}

/** An empty share is one of nothing. */
export function decodeShare(share: Buffer): Share {
  if (share.length === 0) return { partitions: [], copies: [], to: null }
  const reader = new WireReader(share)
  reader.int16()
  const shares = reader.array(() => (reader.string(), reader.array(() => reader.int32())))
  const { copies, to = null } = JSON.parse(reader.raw(reader.int32()).toString()) as {
    copies: number[]
    to?: string
  }
  return { partitions: shares.flat(), copies, to }
}
