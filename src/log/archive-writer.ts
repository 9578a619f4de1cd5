/**
 * Adds to the archive of one partition.
 *
 * W1 A block is whole and synced before the next one is begun; what a kill has torn of the last one
 *    is cut off when the archive is opened again, and read of the log again.
 * W2 A segment appears by renaming a file that is whole and synced, and only then is its tail
 *    removed; so every offset is in one of them, and none counts twice (`archive-folder.ts`, G2).
 * W3 Who fails must be opened again: nothing is known then of the end of the file.
 */
import { mkdir, open, rename, rm, truncate, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crc32c } from '@node-rs/crc32'
import { failpoint } from '../failpoint.js'
import { type Block, blockHeadBytes, encodeBlock } from './archive-block.js'
import { openSegment, openTail, scanTail } from './archive-cursor.js'
import {
  archiveFailure,
  type ArchiveFile,
  type ArchivePlace,
  damagedFile,
  encodeHead,
  headBytes,
  type TailHead,
} from './archive-file.js'
import { beginName, listArchive, segmentName, tailName } from './archive-folder.js'
import { recordBytes, type StoredRecord } from './log.js'

export interface ArchiveWriterOptions {
  /** A tail of so many bytes is finished… */
  readonly segmentBytes: number
  /** …and one of this age, when something is added to it. */
  readonly segmentMs: number
  /** The wall clock, ms UTC. */
  readonly clock: () => number
}

/** What blocks of a segment hold before they are deflated, about. */
const blockBytes = 1024 * 1024

interface Tail {
  readonly path: string
  readonly handle: FileHandle
  readonly from: number
  readonly begun: number
  /** Where the next block goes. */
  end: number
}

export class ArchiveWriter {
  #tail: Tail
  #to: number
  /** Of finished segments. */
  #segments: number
  #bytes: number

  private constructor(
    readonly folder: string,
    readonly place: ArchivePlace,
    readonly options: ArchiveWriterOptions,
    tail: Tail,
    held: { readonly to: number; readonly segments: number; readonly bytes: number },
  ) {
    this.#tail = tail
    this.#to = held.to
    this.#segments = held.segments
    this.#bytes = held.bytes
  }

  /**
   * Opens the archive where it ends, or at `start` where there is none.
   *
   * @throws TidemarkError ARCHIVE_DAMAGED, ARCHIVE_IO_FAILED, DISK_FULL (74)
   */
  static async open(
    folder: string,
    place: ArchivePlace,
    options: ArchiveWriterOptions,
    start: number,
  ): Promise<ArchiveWriter> {
    try {
      await mkdir(folder, { recursive: true })
      const { begin, segments, tail, leftovers } = await listArchive(folder)
      let bytes = 0
      for (const { path } of segments) {
        const segment = await openSegment(path, place)
        bytes += headBytes + segment.head.bytes
        await segment.close()
      }
      for (const path of leftovers) await rm(path)
      const held = { segments: segments.length, bytes }
      if (tail === null) {
        const from = segments.at(-1)?.to ?? start
        const made = await makeTail(folder, place, from, options.clock())
        if (begin === null)
          await writeDurably(join(folder, beginName(segments[0]?.from ?? from)), '')
        return new ArchiveWriter(folder, place, options, made, { ...held, to: from })
      }
      const { opened, to } = await openAgain(tail.path, place)
      if (begin === null) {
        const { from } = segments[0] ?? tail
        await writeDurably(join(folder, beginName(from)), '')
      }
      return new ArchiveWriter(folder, place, options, opened, { ...held, to })
    } catch (error) {
      throw archiveFailure(folder, error)
    }
  }

  /** Exclusive: what it holds. */
  get to(): number {
    return this.#to
  }

  get segments(): number {
    return this.#segments
  }

  /** On disk. */
  get bytes(): number {
    return this.#bytes + this.#tail.end
  }

  /**
   * Adds what was read of the log from `to` up to another offset, which may have no record; durable
   * when it resolves.
   *
   * @throws TidemarkError ARCHIVE_IO_FAILED, DISK_FULL (74)
   */
  async append(records: readonly StoredRecord[], to: number): Promise<void> {
    const tail = this.#tail
    try {
      const block = encodeBlock({ from: this.#to, to, records })
      failpoint('archive.before-block')
      // In two parts, so that a test can end the process between them.
      await writeAll(tail.handle, block.subarray(0, blockHeadBytes), tail.end)
      failpoint('archive.in-block')
      await writeAll(tail.handle, block.subarray(blockHeadBytes), tail.end + blockHeadBytes)
      failpoint('archive.before-sync')
      await tail.handle.datasync()
      failpoint('archive.after-sync')
      tail.end += block.length
      this.#to = to
      if (this.#isDue(tail)) await this.#finish(tail)
    } catch (error) {
      throw archiveFailure(tail.path, error)
    }
  }

  close(): Promise<void> {
    return this.#tail.handle.close()
  }

  #isDue({ end, begun }: Tail): boolean {
    const { segmentBytes, segmentMs, clock } = this.options
    return end >= segmentBytes || clock() - begun >= segmentMs
  }

  /** Makes a segment of the tail, and begins another one (W2). */
  async #finish(tail: Tail): Promise<void> {
    const path = join(this.folder, segmentName(tail.from, this.#to))
    const bytes = await writeSegment(path, tail.path, this.place, this.#to)
    failpoint('archive.in-finish')
    await rename(`${path}.new`, path)
    await syncFolder(this.folder)
    failpoint('archive.finished')
    await tail.handle.close()
    await rm(tail.path)
    failpoint('archive.between-tails')
    this.#tail = await makeTail(this.folder, this.place, this.#to, this.options.clock())
    this.#segments += 1
    this.#bytes += bytes
  }
}

async function makeTail(
  folder: string,
  place: ArchivePlace,
  from: number,
  begun: number,
): Promise<Tail> {
  const path = join(folder, tailName(from))
  const handle = await open(`${path}.new`, 'w')
  try {
    await writeAll(handle, encodeHead({ ...place, kind: 'tail', from, begun }), 0)
    await handle.sync()
    failpoint('archive.in-begin')
    await rename(`${path}.new`, path)
    await syncFolder(folder)
  } catch (error) {
    await handle.close()
    throw error
  }
  return { path, handle, from, begun, end: headBytes }
}

/** Opens a tail that is there, and cuts off what was torn (W1). */
async function openAgain(path: string, place: ArchivePlace) {
  const { head, to, end } = await scanTail(path, place)
  await truncate(path, end)
  const handle = await open(path, 'r+')
  await handle.sync()
  return { opened: { path, handle, from: head.from, begun: head.begun, end }, to }
}

/** Writes the blocks of a tail as a segment, small ones joined; answers how many bytes it has. */
async function writeSegment(
  path: string,
  tailPath: string,
  place: ArchivePlace,
  to: number,
): Promise<number> {
  const source = await openTail(tailPath, place)
  const handle = await open(`${path}.new`, 'w')
  try {
    const { from } = source.head
    let reached = from
    const totals = { records: 0, erasures: 0, bytes: 0, checksum: 0 }
    for await (const block of joined(source)) {
      const bytes = encodeBlock(block)
      reached = block.to
      await writeAll(handle, bytes, headBytes + totals.bytes)
      totals.records += block.records.length
      totals.erasures += block.records.filter(({ value }) => value === null).length
      totals.bytes += bytes.length
      totals.checksum = crc32c(bytes, totals.checksum)
    }
    if (reached !== to) {
      throw damagedFile(tailPath, `it can be read up to offset ${reached}; ${to} is due`)
    }
    await writeAll(handle, encodeHead({ ...place, kind: 'segment', from, to, ...totals }), 0)
    await handle.sync()
    return headBytes + totals.bytes
  } finally {
    await handle.close()
    await source.close()
  }
}

async function* joined(source: ArchiveFile<TailHead>): AsyncGenerator<Block> {
  let open: { from: number; to: number; records: StoredRecord[]; bytes: number } | null = null
  for (let at = headBytes; ;) {
    const read = await source.block(at)
    if (read === null) break
    at = read.next
    const { from, to, records } = read.block
    open ??= { from, to, records: [], bytes: 0 }
    open.to = to
    for (const record of records) {
      open.records.push(record)
      open.bytes += recordBytes(record)
    }
    if (open.bytes < blockBytes) continue
    yield open
    open = null
  }
  if (open !== null) yield open
}

async function writeAll(handle: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const { bytesWritten } = await handle.write(
      bytes,
      written,
      bytes.length - written,
      at + written,
    )
    written += bytesWritten
  }
}

/** Makes names durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes a small file so that it is there whole or not at all. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const handle = await open(`${path}.new`, 'w')
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${path}.new`, path)
  await syncFolder(dirname(path))
}
