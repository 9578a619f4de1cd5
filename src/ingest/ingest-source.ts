/**
 * What an ingest reads: one query over named files, and the identity by which a log knows that it
 * has been loaded already.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { configurationError, ioError } from '../errors.js'

/** `sql` is DuckDB's and names the files as `${files}`. */
export interface IngestQuery {
  readonly sql: string
  readonly files: readonly string[]
}

export interface SourceFile {
  readonly name: string
  /** Of the file's bytes, in hex. */
  readonly sha256: string
}

/** Equal fingerprint: the same rows of the same app, wherever the files lie and in any order. */
export interface SourceIdentity {
  readonly fingerprint: string
  readonly files: readonly SourceFile[]
}

/**
 * Reads every file to identify the source.
 *
 * Raises `FILE_MISSING` (exit 74) where a file is not there or cannot be read, `FILE_DAMAGED` (74)
 * where a gzip file is cut short or has other bytes than were packed, and `QUERY_FILES` (exit 78)
 * where the query does not use the files.
 */
export async function identify(app: string, query: IngestQuery): Promise<SourceIdentity> {
  if (!query.sql.includes('${files}')) {
    const text = 'the query does not name its files: write ${files} where DuckDB reads them'
    throw configurationError('QUERY_FILES', text)
  }
  const files: SourceFile[] = []
  for (const path of query.files) {
    files.push({ name: basename(path), sha256: await hashOf(path) })
  }
  const hashes = files.map((file) => file.sha256).sort()
  const identity = JSON.stringify([app, query.sql, hashes])
  return { fingerprint: createHash('sha256').update(identity).digest('hex'), files }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  let head: Buffer | null = null
  try {
    if (!(await stat(path)).isFile()) throw new Error('not a file')
    for await (const portion of createReadStream(path, { highWaterMark: 1 << 20 })) {
      head ??= portion as Buffer
      hash.update(portion as Buffer)
    }
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : String(error)
    throw ioError('FILE_MISSING', `cannot read ${path}: ${why}`, error)
  }
  if (head?.[0] === 0x1f && head[1] === 0x8b) await checkGzip(path)
  return hash.digest('hex')
}

/** DuckDB takes the end of a file that was cut short for the end of its rows, and no checksum. */
async function checkGzip(path: string): Promise<void> {
  const nowhere = new Writable({ write: (_portion, _encoding, done) => done() })
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), createGunzip(), nowhere)
  } catch (error) {
    throw ioError('FILE_DAMAGED', `${path} is damaged: ${(error as Error).message}`, error)
  }
}

/**
 * The query as DuckDB gets it: `${files}` is a list of absolute paths, so that `read_csv(${files})`
 * reads them all. DuckDB takes paths for patterns; what would be one is put in brackets.
 *
 * @example queryText({ sql: 'from read_csv(${files})', files: ['/a.csv'] })
 * // "from read_csv(['/a.csv'])"
 */
export function queryText({ sql, files }: IngestQuery): string {
  const paths = files.map((path) => {
    const pattern = resolve(path).replace(/[*?[]/g, '[$&]')
    return `'${pattern.replaceAll("'", "''")}'`
  })
  return sql.replaceAll('${files}', `[${paths.join(', ')}]`)
}
