/**
 * The chain of flushes: proof that a LevelDB database holds every write up to its newest.
 *
 * LevelDB as packaged drops a damaged part of its own log without a word, and what was written
 * after it stays: a database that looks whole and misses writes in the middle. So each write leaves
 * a link with its number and the hash of the link before, and the head, which is written with every
 * batch, names the newest. A missing, changed or foreign link breaks the chain.
 */
import { hash64, sealOf } from './checksum.js'

/**
 * Links that are kept. They must reach back over everything that LevelDB still holds in its log
 * (its tables are covered by the digest): a log of 16 MB holds no more than this of 4 kB each.
 */
export const LINKS_KEPT = 4096

const LINK_TAG = 0x4c
const LINK_BYTES = 16
const HEAD_BYTES = 16

/** The number of the newest write and the hash of its link; number 0: nothing was ever written. */
export interface Head {
  readonly number: number
  readonly link: bigint
}

export const NO_HEAD: Head = { number: 0, link: 0n }

export interface Link {
  readonly key: Buffer
  readonly value: Buffer
  readonly head: Head
  /** The link that is too old now, or null. */
  readonly expired: Buffer | null
}

/** The link of the write behind `head`; `content` identifies what the write changes. */
export function nextLink(head: Head, content: bigint): Link {
  const number = head.number + 1
  const key = linkKey(number)
  const value = Buffer.allocUnsafe(LINK_BYTES)
  value.writeBigUInt64LE(head.link, 0)
  value.writeBigUInt64LE(content, 8)
  const expired = number > LINKS_KEPT ? linkKey(number - LINKS_KEPT) : null
  return { key, value, head: { number, link: sealOf(key, value) }, expired }
}

export function linkRows(): { gte: Buffer; lt: Buffer } {
  return { gte: Buffer.from([LINK_TAG]), lt: Buffer.from([LINK_TAG + 1]) }
}

/** What is wrong with the links (in key order) under this head, or null where nothing is. */
export function chainFault(
  head: Head,
  links: readonly (readonly [Buffer, Buffer])[],
): string | null {
  const due = Math.min(head.number, LINKS_KEPT)
  if (links.length !== due) return `${due} flush records are due, ${links.length} are there`
  let before: bigint | null = null
  for (const [index, [key, value]] of links.entries()) {
    const number = head.number - due + 1 + index
    if (!key.equals(linkKey(number))) return `flush record ${number} is missing`
    if (value.length !== LINK_BYTES) return `flush record ${number} is damaged`
    if (before !== null && value.readBigUInt64LE(0) !== before) {
      return `flush record ${number} does not follow the one before it`
    }
    before = sealOf(key, value)
  }
  if (due > 0 && before !== head.link) return `flush record ${head.number} is not the newest's own`
  return null
}

/** Head ‖ rest, sealed by the caller. */
export function encodeHead(head: Head, rest: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + rest.length)
  bytes.writeBigUInt64LE(BigInt(head.number), 0)
  bytes.writeBigUInt64LE(head.link, 8)
  bytes.set(rest, HEAD_BYTES)
  return bytes
}

export function decodeHead(bytes: Buffer): { head: Head; rest: Buffer } {
  const head = { number: Number(bytes.readBigUInt64LE(0)), link: bytes.readBigUInt64LE(8) }
  return { head, rest: bytes.subarray(HEAD_BYTES) }
}

/**
 * Identifies what a write changes. Not a hash of every byte, which the seals in front of the values
 * are already: those first eight bytes, and the lengths, are folded.
 */
export class ContentFold {
  #a = 0x9e3779b9
  #b = 0x85ebca6b

  add(key: Uint8Array, value: Uint8Array | null): void {
    this.#mix(key.length, key[key.length - 1] ?? 0)
    if (value === null) this.#mix(0xffffffff, 0)
    else if (value.length < 8) this.#mix(value.length, value[0] ?? 0)
    else this.#mix(wordAt(value, 0) ^ value.length, wordAt(value, 4))
  }

  /** The identity of the changes and of what else the write holds. */
  with(rest: Uint8Array): bigint {
    const fold = Buffer.allocUnsafe(16)
    fold.writeUInt32LE(this.#a >>> 0, 0)
    fold.writeUInt32LE(this.#b >>> 0, 4)
    fold.writeBigUInt64LE(hash64(rest), 8)
    return hash64(fold)
  }

  #mix(x: number, y: number): void {
    this.#a = Math.imul(this.#a ^ x, 0x9e3779b1) ^ (this.#b >>> 15)
    this.#b = Math.imul(this.#b ^ y, 0x85ebca77) ^ (this.#a >>> 13)
  }
}

function linkKey(number: number): Buffer {
  const key = Buffer.allocUnsafe(9)
  key[0] = LINK_TAG
  key.writeBigUInt64BE(BigInt(number), 1)
  return key
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
}
