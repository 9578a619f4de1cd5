/**
 * Entries spread over bucket files by customer, so that one bucket at a time fits memory.
 *
 * Entries of a customer come back in the order in which they were added. Layout of an entry: u32
 * bytes that follow, u16 length of the id, id, payload; little-endian.
 */
import { mkdtempSync, openSync, writeSync, closeSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ioError } from '../errors.js'
import { murmur2 } from '../events/partition.js'

/** Entries that are read into memory at once, on average. */
const entriesPerBucket = 300_000
/** Each bucket is an open file. */
const bucketsMax = 256
const bufferBytes = 1 << 16
const headBytes = 6

/** How many buckets so many entries are spread over. */
export function bucketsFor(entries: number): number {
  return Math.min(bucketsMax, Math.max(1, Math.ceil(entries / entriesPerBucket)))
}

/** A bucket's entries by customer; each is a payload's bytes, valid while the bucket is in use. */
export type BucketEntries = Map<string, Buffer[]>

/** A temporary folder of buckets, removed by `remove`. */
export class BucketFolder {
  readonly path: string

  constructor(parent: string = tmpdir()) {
    try {
      this.path = mkdtempSync(join(parent, 'tidemark-replay-'))
    } catch (error) {
      throw ioError('TEMP_UNWRITABLE', `cannot make a temporary folder in ${parent}`, error)
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

interface Bucket {
  file: number | null
  readonly buffer: Buffer
  used: number
}

export class Buckets {
  private readonly buckets: (Bucket | null)[]

  /** `name` tells apart what lies in one folder. */
  constructor(
    private readonly folder: BucketFolder,
    private readonly name: string,
    readonly count: number,
  ) {
    this.buckets = Array.from({ length: count }, () => null)
  }

  /** Adds an entry: `write` fills in `payloadBytes` at the offset that it is given. */
  add(key: Uint8Array, payloadBytes: number, write: (into: Buffer, at: number) => void): void {
    const number = (murmur2(key) >>> 0) % this.count
    const bucket = (this.buckets[number] ??= {
      file: null,
      buffer: Buffer.allocUnsafe(bufferBytes),
      used: 0,
    })
    const bytes = headBytes + key.length + payloadBytes
    if (bytes > bufferBytes) return this.addLarge(number, bucket, key, payloadBytes, write)
    if (bucket.used + bytes > bufferBytes) this.flush(number, bucket)
    fill(bucket.buffer, bucket.used, key, payloadBytes, write)
    bucket.used += bytes
  }

  /** The entries of one bucket. */
  read(number: number): BucketEntries {
    const bucket = this.buckets[number]
    const entries: BucketEntries = new Map()
    if (bucket === null) return entries
    if (bucket.file !== null) collect(readFileSync(this.pathOf(number)), entries)
    collect(bucket.buffer.subarray(0, bucket.used), entries)
    return entries
  }

  close(): void {
    for (const bucket of this.buckets) {
      if (bucket !== null && bucket.file !== null) closeSync(bucket.file)
    }
    this.buckets.fill(null)
  }

  private addLarge(
    number: number,
    bucket: Bucket,
    key: Uint8Array,
    payloadBytes: number,
    write: (into: Buffer, at: number) => void,
  ): void {
    this.flush(number, bucket)
    const own = Buffer.allocUnsafe(headBytes + key.length + payloadBytes)
    fill(own, 0, key, payloadBytes, write)
    this.write(number, bucket, own)
  }

  private flush(number: number, bucket: Bucket): void {
    this.write(number, bucket, bucket.buffer.subarray(0, bucket.used))
    bucket.used = 0
  }

  private write(number: number, bucket: Bucket, bytes: Buffer): void {
    try {
      bucket.file ??= openSync(this.pathOf(number), 'ax')
      for (let at = 0; at < bytes.length;) at += writeSync(bucket.file, bytes, at)
    } catch (error) {
      const text = `cannot write ${this.pathOf(number)}: ${(error as Error).message}`
      throw ioError('TEMP_UNWRITABLE', text, error)
    }
  }

  private pathOf(number: number): string {
    return join(this.folder.path, `${this.name}-${number}`)
  }
}

function fill(
  into: Buffer,
  at: number,
  key: Uint8Array,
  payloadBytes: number,
  write: (into: Buffer, at: number) => void,
): void {
  into.writeUInt32LE(2 + key.length + payloadBytes, at)
  into.writeUInt16LE(key.length, at + 4)
  into.set(key, at + headBytes)
  write(into, at + headBytes + key.length)
}

function collect(bytes: Buffer, entries: BucketEntries): void {
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32LE(at)
    const start = at + headBytes + bytes.readUInt16LE(at + 4)
    const customer = bytes.toString('utf8', at + headBytes, start)
    const found = entries.get(customer)
    const payload = bytes.subarray(start, end)
    if (found === undefined) entries.set(customer, [payload])
    else found.push(payload)
    at = end
  }
}
