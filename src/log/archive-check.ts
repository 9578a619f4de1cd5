/** Reads all that an archive holds of a partition, and every checksum of it. */
import { openSegment, scanTail } from './archive-cursor.js'
import { archiveFailure, type ArchivePlace, damagedFile, headBytes } from './archive-file.js'
import { listArchive, type SegmentFile } from './archive-folder.js'

export interface CheckedPartition {
  readonly partition: number
  /** Inclusive. */
  readonly from: number
  /** Exclusive. */
  readonly to: number
  /** Finished ones. */
  readonly segments: number
  readonly records: number
  /** On disk. */
  readonly bytes: number
}

/**
 * null: it holds nothing of the partition. Another process may add to it meanwhile.
 *
 * @throws TidemarkError ARCHIVE_DAMAGED (74) naming file and range, ARCHIVE_IO_FAILED (74)
 */
export async function checkArchive(
  folder: string,
  place: ArchivePlace,
): Promise<CheckedPartition | null> {
  const checked = { partition: place.partition, from: 0, to: 0, segments: 0, records: 0, bytes: 0 }
  let done: string | null = null
  for (;;) {
    const { segments, tail } = await listArchive(folder)
    const from = segments[0]?.from ?? tail?.from
    if (from === undefined) return null
    checked.from = from
    for (const file of segments.slice(indexAfter(segments, done))) {
      const { records, bytes } = await checkSegment(file, place)
      checked.records += records
      checked.bytes += bytes
      checked.segments += 1
      checked.to = file.to
      done = file.path
    }
    if (tail === null) return checked
    try {
      const { to, end, records } = await scanTail(tail.path, place)
      return { ...checked, to, records: checked.records + records, bytes: checked.bytes + end }
    } catch (error) {
      // Where it has been finished meanwhile, it is a segment now.
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT'
      if (!isGone) throw archiveFailure(tail.path, error)
    }
  }
}

function indexAfter(segments: readonly SegmentFile[], path: string | null): number {
  return segments.findIndex((segment) => segment.path === path) + 1
}

async function checkSegment({ path, from, to }: SegmentFile, place: ArchivePlace) {
  const file = await openSegment(path, place).catch((error: unknown) => {
    throw archiveFailure(path, error)
  })
  const { head } = file
  try {
    const range = `offsets ${from} to ${to - 1}`
    if (head.from !== from || head.to !== to) {
      throw damagedFile(path, `its head names offsets ${head.from} to ${head.to - 1}`)
    }
    if ((await file.checksum()) !== head.checksum) {
      throw damagedFile(path, `${range} are not what was written`)
    }
    let [next, at, records, erasures] = [from, headBytes, 0, 0]
    while (at < headBytes + head.bytes) {
      const read = await file.block(at)
      if (read === null || read.block.from !== next) {
        throw damagedFile(path, `${range}: there is no block at offset ${next}`)
      }
      next = read.block.to
      at = read.next
      records += read.block.records.length
      erasures += read.block.records.filter(({ value }) => value === null).length
    }
    const isWhole = next === to && records === head.records && erasures === head.erasures
    if (!isWhole) throw damagedFile(path, `${range}: it has ${records} records up to ${next}`)
    return { records, bytes: headBytes + head.bytes }
  } catch (error) {
    throw archiveFailure(path, error)
  } finally {
    await file.close()
  }
}
