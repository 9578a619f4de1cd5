/**
 * The 64-bit hash behind seals, chains and the running digest: XXH64 (Collet, xxhash.com).
 *
 * A seal is the hash of key ‖ payload and stands in front of the payload, so a value that was
 * swapped with another key's is found as surely as a flipped bit.
 */
import xxhash from 'xxhash-wasm'

// Closures that have no `this`.
// oxlint-disable-next-line typescript/unbound-method
const { h64Raw } = await xxhash()

/** Bytes of a seal in front of each value. */
export const sealBytes = 8

/** @example hash64(Buffer.from('a')).toString(16) // 'd24ec4f1a98c6e5b' */
export function hash64(bytes: Uint8Array): bigint {
  return h64Raw(bytes)
}

/** The seal of a value under its key. */
export function sealOf(key: Uint8Array, payload: Uint8Array): bigint {
  return h64Raw(payload, h64Raw(key))
}

/** Seal ‖ payload, as the store keeps it. `room` gives the bytes for it. */
export function sealed(
  seal: bigint,
  payload: Uint8Array,
  room = (bytes: number): Buffer => Buffer.allocUnsafe(bytes),
): Buffer {
  const value = room(sealBytes + payload.length)
  value.writeBigUInt64LE(seal, 0)
  value.set(payload, sealBytes)
  return value
}

/** The seal that a stored value carries; whether it holds is for the caller to check. */
export function sealIn(value: Uint8Array): bigint {
  if (value.length < sealBytes) return 0n
  return Buffer.from(value.buffer, value.byteOffset, sealBytes).readBigUInt64LE(0)
}

/** The payload of a stored value whose seal holds, or null. */
export function unsealed(key: Uint8Array, value: Uint8Array): Uint8Array | null {
  if (value.length < sealBytes) return null
  const payload = value.subarray(sealBytes)
  return sealOf(key, payload) === sealIn(value) ? payload : null
}

const mask = (1n << 64n) - 1n

/**
 * The sum of the seals of all values, mod 2^64: kept by adding the new and taking away the old at
 * each write, so that a scan can prove that no key is missing, stale or damaged.
 */
export class Digest {
  constructor(private sum = 0n) {}

  add(seal: bigint): void {
    this.sum = (this.sum + seal) & mask
  }

  remove(seal: bigint): void {
    this.sum = (this.sum - seal) & mask
  }

  copy(): Digest {
    return new Digest(this.sum)
  }

  equals(other: Digest): boolean {
    return this.sum === other.sum
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    return this.sum.toString(16).padStart(16, '0')
  }

  static parse(text: string): Digest {
    return new Digest(BigInt(`0x${text}`))
  }
}
