/** Answers of a broker that are not what it said. */
import { apiKeys } from './api-keys.js'

/** Size and correlation come first. */
const bodyAt = 8

/**
 * The answer with another error code, in the versions that the product speaks; of several partitions
 * the first one fails.
 */
export function withError(frame: Buffer, key: number, error: number): Buffer {
  const told = Buffer.from(frame)
  told.writeInt16BE(error, errorAt(told, key))
  return told
}

function errorAt(frame: Buffer, key: number): number {
  switch (key) {
    case apiKeys.initProducerId:
    case apiKeys.endTxn:
      return bodyAt + 4
    case apiKeys.addPartitions:
      return firstPartitionAt(frame, bodyAt + 4)
    case apiKeys.produce:
      return firstPartitionAt(frame, bodyAt)
    default:
      throw new Error(`nobody knows where an answer to ${key} has its error`)
  }
}

/** Of an array of topics, each a name and an array of partitions that begin with number and error. */
function firstPartitionAt(frame: Buffer, at: number): number {
  const nameAt = at + 4
  return nameAt + 2 + frame.readInt16BE(nameAt) + 4 + 4
}

/** A bit of the last record is flipped, which its batch's checksum covers. */
export function corrupted(frame: Buffer): Buffer {
  if (frame.length < 512) return frame
  const told = Buffer.from(frame)
  told[told.length - 8] ^= 1 << Math.floor(Math.random() * 8)
  return told
}
