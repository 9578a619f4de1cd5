/**
 * The files of one partition in an archive, as they lie in its folder.
 *
 *   <from>-<to>.segment   finished, never changed again
 *   <from>.tail           the one that grows
 *   <from>.begin          empty: where the first of them begins
 *   *.new                 not finished; nobody reads it
 *
 * G1 Segments stand one behind the other: each begins where the one before ends. What lies between
 *    two of them is lost, and told with its range.
 *    What is missing before the first of them is told by the name that says where they begin; it is
 *    written behind the first file, so it never stands alone but where all is lost.
 * G2 A tail that begins below the end of the segments is a leftover: they hold all of it.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ioError } from '../errors.js'
import { archiveFailure } from './archive-file.js'

export interface SegmentFile {
  readonly path: string
  readonly from: number
  readonly to: number
}

export interface ArchiveFiles {
  /** Where the first file begins; null: it was never written down. */
  readonly begin: number | null
  /** In the order of their offsets. */
  readonly segments: readonly SegmentFile[]
  readonly tail: { readonly path: string; readonly from: number } | null
  /** What a process that was killed has left behind. */
  readonly leftovers: readonly string[]
}

const segmentForm = /^(\d{16})-(\d{16})\.segment$/
const tailForm = /^(\d{16})\.tail$/
const beginForm = /^(\d{16})\.begin$/
const draftForm = /\.new$/

export const segmentName = (from: number, to: number): string => `${pad(from)}-${pad(to)}.segment`
export const tailName = (from: number): string => `${pad(from)}.tail`
export const beginName = (from: number): string => `${pad(from)}.begin`

function pad(offset: number): string {
  return String(offset).padStart(16, '0')
}

/**
 * What is there; a folder that is missing has nothing.
 *
 * @throws TidemarkError ARCHIVE_DAMAGED (74) naming what is missing between two files
 */
export async function listArchive(folder: string): Promise<ArchiveFiles> {
  const names = await namesIn(folder)
  const segments = names.flatMap((name) => {
    const match = segmentForm.exec(name)
    if (match === null) return []
    return [{ path: join(folder, name), from: Number(match[1]), to: Number(match[2]) }]
  })
  segments.sort((a, b) => a.from - b.from)
  for (const [index, { path, from, to }] of segments.entries()) {
    const due = index === 0 ? from : segments[index - 1].to
    if (from !== due) throw broken(folder, path, due, from)
    if (to < from) throw broken(folder, path, to, from)
  }
  const begun = names.flatMap((name) => beginForm.exec(name)?.[1] ?? [])
  const begin = begun.length === 0 ? null : Number(begun[0])
  const end = segments.at(-1)?.to ?? null
  const tails = names.flatMap((name) => {
    const match = tailForm.exec(name)
    return match === null ? [] : [{ path: join(folder, name), from: Number(match[1]) }]
  })
  const isLeftover = ({ from }: { readonly from: number }) => end !== null && from < end
  const [tail = null, ...others] = tails.filter((it) => !isLeftover(it))
  if (others.length > 0) throw broken(folder, others[0].path, tail!.from, others[0].from)
  if (tail !== null && end !== null && tail.from !== end) {
    throw broken(folder, tail.path, end, tail.from)
  }
  if (begin !== null) {
    const first = segments[0] ?? tail
    if (first === null) throw emptied(folder, begin)
    if (first.from !== begin) throw broken(folder, first.path, begin, first.from)
  }
  const drafts = names.filter((name) => draftForm.test(name)).map((name) => join(folder, name))
  return {
    begin,
    segments,
    tail,
    leftovers: [...tails.filter(isLeftover).map((it) => it.path), ...drafts],
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw archiveFailure(folder, error)
  }
}

function emptied(folder: string, begin: number): Error {
  const text = `archive in ${folder}: all files from offset ${begin} on are missing`
  return ioError('ARCHIVE_DAMAGED', text)
}

function broken(folder: string, path: string, due: number, came: number): Error {
  const text = `${path} begins at offset ${came}, and ${due} is due`
  const what = came > due ? `offsets ${due} to ${came - 1} are missing` : 'files overlap'
  return ioError('ARCHIVE_DAMAGED', `archive in ${folder}: ${text}: ${what}`)
}
