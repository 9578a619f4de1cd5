/**
 * Which partition a key belongs to: that of Kafka's Java client, so that records of any of its
 * producers lie where they are looked for.
 *
 * Source: Apache Kafka, `org.apache.kafka.common.utils.Utils#murmur2` and `#toPositive` (murmur2 by
 * Austin Appleby, public domain); the tests hold the vectors of its `UtilsTest`.
 */

const SEED = 0x9747b28c
const M = 0x5bd1e995

/** The 32-bit hash of the bytes, signed as in Java. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  let hash = SEED ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let k = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    k = Math.imul(k, M)
    k ^= k >>> 24
    hash = Math.imul(hash, M) ^ Math.imul(k, M)
  }
  const left = length - at
  if (left === 3) hash ^= bytes[at + 2] << 16
  if (left >= 2) hash ^= bytes[at + 1] << 8
  if (left >= 1) hash = Math.imul(hash ^ bytes[at], M)
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return hash ^ (hash >>> 15)
}

/**
 * The partition of a key among `partitions` (1 or more).
 *
 * @example partitionOf(Buffer.from('foobar'), 4) // 2
 */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}
