import { decodeSharer, encodeShare, type Joined } from './kafka-group-requests.js'
import type { WireWriter } from './kafka-wire.js'
import { shareCopies, shareOut } from './share-out.js'

/** What is shared out. */
export interface SharedTopic {
  readonly topic: string
  readonly partitions: number
}

/** The leader's answer to what all have brought, by member; nobody else has one. */
export function leaderShares(
  { leader, memberId, members }: Joined,
  { topic, partitions: count }: SharedTopic,
  copiesMax: number,
): Map<string, WireWriter> {
  if (leader !== memberId) return new Map()
  const sharers = members.map(({ id, metadata }) => decodeSharer(id, metadata))
  const shares = shareOut(count, sharers)
  const copies = shareCopies(count, sharers, shares, copiesMax)
  const encoded = [...shares].map(([id, partitions]) => {
    return [id, encodeShare(topic, { partitions, copies: copies.get(id)!, to: id })] as const
  })
  return new Map(encoded)
}
