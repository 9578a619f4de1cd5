/**
 * Files of an archive: one that grows (`tail`), and those that are finished (`segment`). Both begin
 * with what they are of, and go on with blocks.
 *
 *   'TARC' | u32 length of the head | u32 CRC-32C of the head | head (JSON) | blocks
 *
 * A segment's head has its range, the number of its bytes and a checksum over all its blocks; a tail
 * does not know its end yet. Heads are filled up with blanks to one length, so that a segment's can be
 * written when its blocks have been.
 */
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { crc32c } from '@node-rs/crc32'
import { ioError, TidemarkError } from '../errors.js'
import {
  type Block,
  blockHeadBytes,
  decodeBody,
  findBlock,
  readBlockHead,
} from './archive-block.js'

/** Whose records a file holds. */
export interface ArchivePlace {
  readonly logId: string
  readonly topic: string
  readonly partition: number
}

export interface TailHead extends ArchivePlace {
  readonly kind: 'tail'
  /** Inclusive. */
  readonly from: number
  /** When it was begun, ms UTC of the wall clock. */
  readonly begun: number
}

export interface SegmentHead extends ArchivePlace {
  readonly kind: 'segment'
  /** Inclusive. */
  readonly from: number
  /** Exclusive. */
  readonly to: number
  readonly records: number
  /** Records without a value: who looks for erasures passes the others by. */
  readonly erasures: number
  /** Of all blocks. */
  readonly bytes: number
  readonly checksum: number
}

export interface ReadBlock {
  readonly block: Block
  /** Behind it, in the file. */
  readonly next: number
}

const magic = Buffer.from('TARC')
const prefixBytes = 12
/** Where blocks begin; names of topics have at most 249 letters. */
export const headBytes = 1024

export function encodeHead(head: TailHead | SegmentHead): Buffer {
  const json = Buffer.from(JSON.stringify(head).padEnd(headBytes - prefixBytes))
  const prefix = Buffer.allocUnsafe(prefixBytes)
  magic.copy(prefix)
  prefix.writeUInt32BE(json.length, 4)
  prefix.writeUInt32BE(crc32c(json), 8)
  return Buffer.concat([prefix, json])
}

/** A file that is open for reading. */
export class ArchiveFile<H extends TailHead | SegmentHead = TailHead | SegmentHead> {
  private constructor(
    readonly path: string,
    readonly head: H,
    private readonly handle: FileHandle,
  ) {}

  /**
   * Opens a file whose head must be whole.
   *
   * @throws TidemarkError ARCHIVE_DAMAGED (74); what the system says where there is no such file
   */
  static async open<K extends 'tail' | 'segment'>(
    path: string,
    kind: K,
    { logId, topic, partition }: ArchivePlace,
  ): Promise<ArchiveFile<Extract<TailHead | SegmentHead, { kind: K }>>> {
    const handle = await open(path, 'r')
    try {
      const bytes = await bytesAt(handle, 0, headBytes)
      const json = bytes.subarray(prefixBytes)
      const isWhole =
        bytes.length === headBytes &&
        bytes.subarray(0, 4).equals(magic) &&
        bytes.readUInt32BE(4) === json.length &&
        bytes.readUInt32BE(8) === crc32c(json)
      if (!isWhole) throw damagedFile(path, 'its head is not what was written')
      const head = JSON.parse(json.toString()) as TailHead | SegmentHead
      const came = `${head.logId}/${head.topic}/${head.partition}/${head.kind}`
      const due = `${logId}/${topic}/${partition}/${kind}`
      if (came !== due) throw damagedFile(path, `it is of ${came}, and ${due} is due`)
      return new ArchiveFile(path, head as Extract<TailHead | SegmentHead, { kind: K }>, handle)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  async size(): Promise<number> {
    return (await this.handle.stat()).size
  }

  /** The block at a place, and where the next one is; null: there is no whole one. */
  async block(at: number): Promise<ReadBlock | null> {
    const head = readBlockHead(await bytesAt(this.handle, at, blockHeadBytes))
    if (head === null) return null
    const body = await bytesAt(this.handle, at + blockHeadBytes, head.bodyBytes)
    const block = decodeBody(body, head)
    return block === null ? null : { block, next: at + blockHeadBytes + head.bodyBytes }
  }

  /** Over all that lies behind the head. */
  async checksum(): Promise<number> {
    let sum = 0
    for (let at = headBytes; ;) {
      const bytes = await bytesAt(this.handle, at, 1024 * 1024)
      if (bytes.length === 0) return sum
      sum = crc32c(bytes, sum)
      at += bytes.length
    }
  }

  /** Whether any whole block begins behind a place: then what is not whole there is no torn end. */
  async goesOnBehind(at: number): Promise<boolean> {
    const rest = await bytesAt(this.handle, at, Math.max(0, (await this.size()) - at))
    for (let found = findBlock(rest, 1); found >= 0; found = findBlock(rest, found + 1)) {
      if ((await this.block(at + found)) !== null) return true
    }
    return false
  }

  close(): Promise<void> {
    return this.handle.close()
  }
}

/** Up to `length` bytes: fewer where the file ends. */
async function bytesAt(handle: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let read = 0
  while (read < length) {
    const { bytesRead } = await handle.read(bytes, read, length - read, at + read)
    if (bytesRead === 0) break
    read += bytesRead
  }
  return bytes.subarray(0, read)
}

export function damagedFile(path: string, what: string): TidemarkError {
  return ioError('ARCHIVE_DAMAGED', `${path}: ${what}`)
}

/** What the disk refused to do with a file of the archive; our own errors stay as they are. */
export function archiveFailure(path: string, error: unknown): TidemarkError {
  if (error instanceof TidemarkError) return error
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return ioError('DISK_FULL', `archive file ${basename(path)}: the disk is full`, error)
  }
  return ioError('ARCHIVE_IO_FAILED', `${path}: ${message}`, error)
}
