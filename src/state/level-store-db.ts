/**
 * LevelDB as the adapters use it: opened with bytes as keys and values, its failures told apart.
 *
 * What the machine lacks (space, permission, descriptors) is not damage: the same files will do
 * when it has it again. Everything else that LevelDB complains of is.
 */
import { readdir } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import { TidemarkError, configurationError, exitCode, ioError, type Retry } from '../errors.js'
import { tablesFault } from './level-store-tables.js'

export type Db = ClassicLevel<Buffer, Buffer>

/** Whose database it is, and the codes of its failures. */
export interface FailureNames {
  /** For the text: `store of partition 3`. */
  readonly name: string
  /** Code of damage, with what the owner advises. */
  readonly damaged: (text: string, cause?: unknown) => TidemarkError
  /** Code of what the machine lacks. */
  readonly failedCode: string
}

export interface DbOwner extends FailureNames {
  /**
   * Whether tables are compressed (Snappy). Measured on 2 cores of an AMD EPYC, classic-level 3.0.0:
   * W1's records in the log's blocks shrink to 42 %, for 0.04 µs of CPU a record written and 0.15 µs
   * a record read: yes. The churn app's state, 133 bytes a cell, shrinks to 84 % only, for 8 % more
   * CPU a cell written and 40 % more a cell read: no.
   */
  readonly compression: boolean
  /** Whether the tables are checked before they are read: about 2 ms a megabyte. */
  readonly checksTables: boolean
}

const LACKING =
  /No space left|quota|Permission denied|Too many open files|Read-only|Cannot allocate/
const FULL = /No space left|quota/

/**
 * Opens or creates a database.
 *
 * The write buffer of 16 MB, against LevelDB's 4, saves a third of the CPU where a log is loaded
 * (0.95 against 1.59 µs a record of W1) and makes no difference to state; more would only lengthen
 * the opening after a crash. Larger blocks and tables made no difference to either. Writers use
 * chained batches: 7 µs a key against 24 for the same in an array.
 */
export async function openDb(directory: string, owner: DbOwner): Promise<Db> {
  const fault = await filesFault(directory, owner.checksTables)
  if (fault !== null) throw owner.damaged(`${owner.name}: ${fault}`)
  const db: Db = new ClassicLevel(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    writeBufferSize: 16 * 1024 * 1024,
    compression: owner.compression,
  })
  try {
    await db.open()
    return db
  } catch (error) {
    throw levelFailure(owner, (error as Error).cause ?? error)
  }
}

/** What a failure of LevelDB means to the owner. */
export function levelFailure(owner: FailureNames, error: unknown): TidemarkError {
  const text = `${owner.name}: ${reasonOf(error)}`
  const { code } = error as { code?: string }
  if (code === 'LEVEL_LOCKED') {
    return configurationError('DIRECTORY_LOCKED', `${owner.name} is open in another process`, error)
  }
  if (FULL.test(text)) return diskFull(owner.name, 'later', error)
  if (!LACKING.test(text)) return owner.damaged(text, error)
  return new TidemarkError(owner.failedCode, text, {
    exit: exitCode.io,
    retry: 'later',
    cause: error,
  })
}

/**
 * What it means that a database refused a write: `DISK_FULL`, or `code`. `retry` says whether the
 * owner opens the database again by itself.
 */
export function writeFailure(
  name: string,
  code: string,
  retry: Retry,
  cause: unknown,
): TidemarkError {
  const reason = reasonOf(cause)
  if (FULL.test(reason)) return diskFull(name, retry, cause)
  const text = `${name}: the disk refused a write (${reason})`
  return new TidemarkError(code, text, { exit: exitCode.io, retry, cause })
}

/** The store cannot be believed; it works again after it was set aside. */
export function storeDamaged(text: string, cause?: unknown): TidemarkError {
  return new TidemarkError('STORE_DAMAGED', text, { exit: exitCode.io, retry: 'now', cause })
}

/**
 * The value of a key, or null. By an iterator: it is right even where `get` would not be, in a
 * database that was written without a `ReadGate`.
 */
export async function pointOf(
  db: Db,
  key: Buffer,
  at: { readonly snapshot?: ReturnType<Db['snapshot']> } = {},
): Promise<Buffer | null> {
  const found = await db.iterator({ gte: key, lte: key, limit: 1, ...at }).all()
  return found[0]?.[1] ?? null
}

/** A read, its failures told apart. */
export async function reading<T>(owner: FailureNames, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if ((error as { code?: string }).code === 'LEVEL_DATABASE_NOT_OPEN') {
      throw ioError('STORE_CLOSED', `${owner.name} has been closed`, error)
    }
    throw levelFailure(owner, error)
  }
}

function diskFull(name: string, retry: Retry, cause: unknown): TidemarkError {
  const text =
    `${name}: the disk is full (${reasonOf(cause)}); make space and start again, ` +
    'nothing that was committed is lost'
  return new TidemarkError('DISK_FULL', text, { exit: exitCode.io, retry, cause })
}

const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause)

/** What is wrong with the files of a database that is about to be opened. */
async function filesFault(directory: string, checksTables: boolean): Promise<string | null> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  // LevelDB would take the directory for a new database, and delete all tables in it.
  if (!names.includes('CURRENT') && names.some((name) => /\.(ldb|sst|log)$/.test(name))) {
    return `${directory} has files of a database, but no CURRENT`
  }
  return checksTables ? tablesFault(directory, names) : null
}
