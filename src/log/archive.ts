/**
 * The archive of a topic: what its partitions held, for as long as the files are kept.
 *
 *   DIRECTORY/archive.json   which log and topic it is of
 *   DIRECTORY/<partition>/   its segments (`archive-folder.ts`)
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configurationError, ioError } from '../errors.js'
import { type CheckedPartition, checkArchive } from './archive-check.js'
import { ArchiveCursor, scanTail } from './archive-cursor.js'
import { archiveFailure, type ArchivePlace, type SegmentHead } from './archive-file.js'
import { listArchive } from './archive-folder.js'
import { ArchiveWriter, type ArchiveWriterOptions, writeDurably } from './archive-writer.js'

/** What an archive is of. */
export interface ArchiveOwner {
  readonly logId: string
  readonly topic: string
  readonly partitions: number
}

interface Manifest extends ArchiveOwner {
  readonly format: 1
}

/** Offsets of a partition: inclusive, exclusive. */
export interface ArchiveRange {
  readonly from: number
  readonly to: number
}

const manifestName = 'archive.json'

export class Archive {
  private constructor(
    readonly directory: string,
    readonly owner: ArchiveOwner,
  ) {}

  /**
   * Opens an archive, or begins one.
   *
   * @throws TidemarkError ARCHIVE_FOREIGN (78), ARCHIVE_DAMAGED, ARCHIVE_IO_FAILED, DISK_FULL (74)
   */
  static async begin(directory: string, owner: ArchiveOwner): Promise<Archive> {
    const found = await Archive.find(directory)
    if (found === null) {
      try {
        await mkdir(directory, { recursive: true })
        const { logId, topic, partitions } = owner
        const manifest: Manifest = { format: 1, logId, topic, partitions }
        await writeDurably(join(directory, manifestName), `${JSON.stringify(manifest)}\n`)
      } catch (error) {
        throw archiveFailure(directory, error)
      }
      return new Archive(directory, owner)
    }
    found.checkOwner(owner)
    return found
  }

  /**
   * Opens an archive to read it; null where none was begun.
   *
   * @throws TidemarkError ARCHIVE_DAMAGED, ARCHIVE_IO_FAILED (74)
   */
  static async find(directory: string): Promise<Archive | null> {
    const path = join(directory, manifestName)
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw archiveFailure(path, error)
    }
    return new Archive(directory, parsed(path, text))
  }

  /** @throws TidemarkError ARCHIVE_FOREIGN (78) */
  checkOwner({ logId, topic, partitions }: ArchiveOwner): void {
    const { owner } = this
    const due = `${topic} of log ${logId}, ${partitions} partitions`
    const came = `${owner.topic} of log ${owner.logId}, ${owner.partitions} partitions`
    if (came === due) return
    const text = `the archive in ${this.directory} is of ${came}, and not of ${due}`
    throw configurationError('ARCHIVE_FOREIGN', `${text}; name another archive.directory`)
  }

  /** See `ArchiveWriter.open`. One writer a partition, of one process. */
  writer(
    partition: number,
    options: ArchiveWriterOptions,
    startOffset: number,
  ): Promise<ArchiveWriter> {
    return ArchiveWriter.open(this.#folder(partition), this.#place(partition), options, startOffset)
  }

  /** A cursor at an offset; `passes`: segments that need not be read. */
  cursor(
    partition: number,
    fromOffset: number,
    passes?: (head: SegmentHead) => boolean,
  ): ArchiveCursor {
    return new ArchiveCursor(this.#folder(partition), this.#place(partition), fromOffset, passes)
  }

  /**
   * What it holds of a partition; null: nothing.
   *
   * @throws TidemarkError ARCHIVE_DAMAGED, ARCHIVE_IO_FAILED (74)
   */
  async range(partition: number): Promise<ArchiveRange | null> {
    const folder = this.#folder(partition)
    for (let listing = 1; ; listing++) {
      const { segments, tail } = await listArchive(folder)
      const from = segments[0]?.from ?? tail?.from
      if (from === undefined) return null
      if (tail === null) return { from, to: segments[segments.length - 1].to }
      try {
        const { to } = await scanTail(tail.path, this.#place(partition))
        return { from, to }
      } catch (error) {
        // It may have been finished meanwhile.
        const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT'
        if (!isGone || listing === 10) throw archiveFailure(folder, error)
      }
    }
  }

  /** See `checkArchive`. */
  check(partition: number): Promise<CheckedPartition | null> {
    return checkArchive(this.#folder(partition), this.#place(partition))
  }

  #folder(partition: number): string {
    return join(this.directory, String(partition))
  }

  #place(partition: number): ArchivePlace {
    const { logId, topic } = this.owner
    return { logId, topic, partition }
  }
}

function parsed(path: string, text: string): ArchiveOwner {
  try {
    const { format, logId, topic, partitions } = JSON.parse(text) as Manifest
    const isOurs = typeof logId === 'string' && typeof topic === 'string'
    if (format === 1 && isOurs && Number.isInteger(partitions)) return { logId, topic, partitions }
  } catch {
    // No JSON at all is told as everything else that is none of ours.
  }
  throw ioError('ARCHIVE_DAMAGED', `${path} does not say what the archive is of`)
}
