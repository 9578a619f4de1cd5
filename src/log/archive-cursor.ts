/**
 * Reads the archive of one partition forward, also while another process adds to it.
 *
 * A1 Blocks come in order and without a gap, each record once; what cannot be read is damage, told
 *    with the file and the offset.
 * A2 A block that is not whole at the end of a tail is one that is being written, or was torn: the
 *    archive ends before it.
 */
import type { Block } from './archive-block.js'
import {
  archiveFailure,
  ArchiveFile,
  type ArchivePlace,
  damagedFile,
  headBytes,
  type ReadBlock,
  type SegmentHead,
  type TailHead,
} from './archive-file.js'
import { type ArchiveFiles, listArchive } from './archive-folder.js'

/** A file may be finished, and so renamed, between the listing and the opening. */
const listingsMax = 10

export class ArchiveCursor {
  #next: number
  #file: ArchiveFile | null = null
  /** In the file, of the next block. */
  #at = headBytes

  /** `passes`: segments that need not be read. */
  constructor(
    readonly folder: string,
    readonly place: ArchivePlace,
    fromOffset: number,
    readonly passes: (head: SegmentHead) => boolean = () => false,
  ) {
    this.#next = fromOffset
  }

  /** Everything below it has been handed out. */
  get nextOffset(): number {
    return this.#next
  }

  /**
   * The next block, without what lies below the offset asked for; null: the archive does not go on
   * (now), or does not hold that offset.
   *
   * @throws TidemarkError ARCHIVE_DAMAGED, ARCHIVE_IO_FAILED (74)
   */
  async next(): Promise<Block | null> {
    for (;;) {
      this.#file ??= await this.#locate()
      const file = this.#file
      if (file === null) return null
      if (file.head.kind === 'segment' && this.#at >= headBytes + file.head.bytes) {
        await this.close()
        continue
      }
      const read = await this.#block(file)
      if (read === null) {
        if (!(await this.#isFinished(file))) return null
        await this.close()
        continue
      }
      this.#at = read.next
      const { from, to, records } = read.block
      if (to <= this.#next) continue
      if (from > this.#next) {
        throw damagedFile(file.path, `offsets ${this.#next} to ${from - 1} are missing`)
      }
      const wanted = this.#next
      this.#next = to
      return { from: wanted, to, records: records.filter(({ offset }) => offset >= wanted) }
    }
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = null
    this.#at = headBytes
    await file?.close()
  }

  /** The file that holds the next offset. */
  async #locate(): Promise<ArchiveFile | null> {
    for (let listing = 1; ; listing++) {
      const files = await listArchive(this.folder)
      try {
        const file = await this.#open(files)
        if (file === null || file.head.kind === 'tail' || !this.passes(file.head)) return file
        this.#next = file.head.to
        await file.close()
        listing = 0
      } catch (error) {
        const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT'
        if (!isGone || listing === listingsMax) throw archiveFailure(this.folder, error)
      }
    }
  }

  async #open({ segments, tail }: ArchiveFiles): Promise<ArchiveFile | null> {
    const segment = segments.find(({ from, to }) => from <= this.#next && this.#next < to)
    if (segment !== undefined) return openSegment(segment.path, this.place)
    const end = segments.at(-1)?.to ?? tail?.from ?? Infinity
    if (tail === null || this.#next < end) return null
    return openTail(tail.path, this.place)
  }

  async #block(file: ArchiveFile): Promise<ReadBlock | null> {
    try {
      if (file.head.kind === 'tail') return await tailBlock(file, this.#at)
      const read = await file.block(this.#at)
      if (read !== null) return read
    } catch (error) {
      throw archiveFailure(file.path, error)
    }
    throw damagedBlock(file, this.#at)
  }

  /** Whether a tail that has been read to its end is a segment by now. */
  async #isFinished({ head }: ArchiveFile): Promise<boolean> {
    if (head.kind === 'segment') return true
    const { segments, tail } = await listArchive(this.folder)
    return segments.some(({ from }) => from >= head.from) || tail?.from !== head.from
  }
}

/** @throws TidemarkError ARCHIVE_DAMAGED; what the system says where there is no such file */
export async function openSegment(
  path: string,
  place: ArchivePlace,
): Promise<ArchiveFile<SegmentHead>> {
  const file = await ArchiveFile.open(path, 'segment', place)
  const due = headBytes + file.head.bytes
  const came = await file.size()
  if (came === due) return file
  await file.close()
  throw damagedFile(path, `it has ${came} bytes; ${due} are due`)
}

export function openTail(path: string, place: ArchivePlace): Promise<ArchiveFile<TailHead>> {
  return ArchiveFile.open(path, 'tail', place)
}

interface TailScan {
  readonly head: TailHead
  /** Exclusive: of the last whole block. */
  readonly to: number
  /** Behind the last whole block, in the file. */
  readonly end: number
  readonly records: number
}

/**
 * Reads all of a tail.
 *
 * @throws TidemarkError ARCHIVE_DAMAGED; what the system says where there is no such file
 */
export async function scanTail(path: string, place: ArchivePlace): Promise<TailScan> {
  const file = await openTail(path, place)
  try {
    return await scan(file)
  } finally {
    await file.close()
  }
}

async function scan(file: ArchiveFile<TailHead>): Promise<TailScan> {
  let to = file.head.from
  let end = headBytes
  let records = 0
  for (;;) {
    const read = await tailBlock(file, end)
    if (read === null) return { head: file.head, to, end, records }
    const { block } = read
    if (block.from !== to) {
      throw damagedFile(file.path, `a block begins at offset ${block.from}; ${to} is due`)
    }
    to = block.to
    end = read.next
    records += block.records.length
  }
}

/** The block at a place of a tail; null: the tail ends there (A2). */
async function tailBlock(file: ArchiveFile, at: number): Promise<ReadBlock | null> {
  const read = await file.block(at)
  if (read !== null || !(await file.goesOnBehind(at))) return read
  // Unless it has become whole meanwhile.
  const again = await file.block(at)
  if (again !== null) return again
  throw damagedBlock(file, at)
}

function damagedBlock({ path, head }: ArchiveFile, at: number): Error {
  const range = head.kind === 'segment' ? ` of offsets ${head.from} to ${head.to - 1}` : ''
  return damagedFile(path, `the block at byte ${at}${range} is not what was written`)
}
