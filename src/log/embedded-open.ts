/**
 * Opening the embedded log's directory: LevelDB, the log's identity, and the marker beside it.
 *
 * E1 A partition count and a time base are for ever: opening with others is refused.
 * E2 A log that was there and opens as new is damage. LevelDB takes a directory without its
 *    `CURRENT` file for a new database; the marker, the log's id in a file beside it, knows better.
 * E3 A log that was closed in order has all of its writes. LevelDB drops what it cannot read of the
 *    end of its own log, as if it had been torn by a crash; the marker, which then says how many
 *    there were, knows better.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { configurationError, ioError } from '../errors.js'
import {
  levelFailure,
  openDb,
  type Db,
  type DbOwner,
  type FailureNames,
} from '../state/level-store-db.js'
import { META_KEY } from './embedded-keys.js'
import { decodeRow, encodeRow, type MetaRow } from './embedded-rows.js'
import type { TimeBase } from './log.js'
import { describeTimeBase, sameTimeBase } from './time-base.js'

export interface EmbeddedLogOptions {
  /** At creation the count of every topic; later it must agree if given. @default 1 */
  readonly partitions?: number
  /** At creation the base for ever; later it must agree if given. @default wall */
  readonly timeBase?: TimeBase
  /** Refuse to create a log where there is none, for commands that only read. @default false */
  readonly mustExist?: boolean
  /** Reads the wall clock, ms UTC. @default Date.now */
  readonly clock?: () => number
}

/** What failures of LevelDB are called, here and where the log is read. */
export function logOwner(directory: string): FailureNames {
  return {
    name: `the event log ${directory}`,
    damaged: (text, cause) => ioError('LOG_DAMAGED', text, cause),
    failedCode: 'LOG_IO_FAILED',
  }
}

/**
 * The log's database, opened or created. Tables are checked only where the process that had the log
 * open before did not close it: a log may be large, and blocks are checked when they are read. But
 * LevelDB can die of a damaged table, and must not do so twice.
 */
export async function openLogDb(directory: string): Promise<Db> {
  const wasOpen = (await readIfThere(openPath(directory))) !== null
  const owner: DbOwner = { ...logOwner(directory), compression: true, checksTables: wasOpen }
  try {
    await mkdir(dirname(directory), { recursive: true })
    await writeFile(openPath(directory), `${process.pid}\n`)
  } catch (error) {
    throw levelFailure(owner, error)
  }
  return openDb(directory, owner)
}

/** To be called when the database has been closed in order, with all writes that it ever took. */
export async function confirmClosed(directory: string, id: string, writes: number): Promise<void> {
  try {
    await writeMarker(directory, { id, writes })
    await rm(openPath(directory), { force: true })
  } catch {
    // A full disk, say. Nothing is lost: the next opening looks as closely as after a crash.
  }
}

/**
 * Keeps E3. After a crash there may be more writes than the marker says, never fewer.
 *
 * @throws TidemarkError LOG_DAMAGED (74)
 */
export function assertComplete(directory: string, marker: Marker | null, writes: number): void {
  const due = marker?.writes ?? 0
  if (writes >= due) return
  const text = `the event log ${directory} was closed with ${due} writes and opens with ${writes}`
  throw ioError(
    'LOG_DAMAGED',
    `${text}: committed records are missing; out of a backup, log.id comes with it`,
  )
}

/** Whether LevelDB finds a database there. */
export async function hasDatabase(directory: string): Promise<boolean> {
  return (await readIfThere(join(directory, 'CURRENT'))) !== null
}

/** The log's identity; a new one where the directory is new. */
export async function openMeta(
  db: Db,
  directory: string,
  marker: Marker | null,
  options: EmbeddedLogOptions,
): Promise<MetaRow> {
  const bytes = await db.get(META_KEY)
  if (bytes === undefined) {
    if (marker !== null) {
      throw ioError('LOG_DAMAGED', `the event log ${directory} was there and opens as new`)
    }
    return createMeta(db, directory, options)
  }
  const meta = decodeRow(META_KEY, bytes) as MetaRow | null
  if (meta === null) throw ioError('LOG_DAMAGED', `the first row of ${directory} is damaged`)
  if (marker === null) await writeMarker(directory, { id: meta.id, writes: 0 })
  else if (marker.id !== meta.id) {
    throw ioError('LOG_DAMAGED', `${directory} holds log ${meta.id}; ${marker.id} was there before`)
  }
  assertAgrees(meta, options)
  return meta
}

async function createMeta(
  db: Db,
  directory: string,
  options: EmbeddedLogOptions,
): Promise<MetaRow> {
  const meta: MetaRow = {
    format: 1,
    id: randomUUID(),
    partitions: options.partitions ?? 1,
    timeBase: options.timeBase ?? { kind: 'wall' },
  }
  await db.put(META_KEY, encodeRow(META_KEY, meta), { sync: true })
  // The marker comes second: without it the row is believed, without the row it is damage.
  await writeMarker(directory, { id: meta.id, writes: 0 })
  return meta
}

function assertAgrees(meta: MetaRow, { partitions, timeBase }: EmbeddedLogOptions): void {
  if (partitions !== undefined && partitions !== meta.partitions) {
    throw configurationError(
      'PARTITIONS_MISMATCH',
      `the event log has ${meta.partitions} partitions for ever; ${partitions} were asked for`,
    )
  }
  if (timeBase !== undefined && !sameTimeBase(timeBase, meta.timeBase)) {
    throw configurationError(
      'TIME_BASE_MISMATCH',
      `the event log's time base is ${describeTimeBase(meta.timeBase)} for ever; ` +
        `${describeTimeBase(timeBase)} was asked for`,
    )
  }
}

const markerPath = (directory: string) => `${directory}.id`
const openPath = (directory: string) => `${directory}.open`

/** What is known of a log beside its database. */
export interface Marker {
  readonly id: string
  /** When it was last closed in order; 0 before. */
  readonly writes: number
}

/** The marker of the log that was created here, or null. */
export async function readMarker(directory: string): Promise<Marker | null> {
  const text = await readIfThere(markerPath(directory))
  if (!text) return null
  const [id, writes] = text.split('\n')
  return { id: id.trim(), writes: Number(writes) || 0 }
}

async function writeMarker(directory: string, { id, writes }: Marker): Promise<void> {
  const path = markerPath(directory)
  const file = await open(`${path}.new`, 'w')
  try {
    await file.writeFile(`${id}\n${writes}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
