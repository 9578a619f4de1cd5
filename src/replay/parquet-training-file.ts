/**
 * The training set as a Parquet file: rows gather in DuckDB in any order, spill to disk, and are
 * sorted and written at the end, beside the asked name and then renamed.
 *
 * F1 The same rows give the same bytes: one thread writes, and the order leaves no ties.
 * F2 What is there is never overwritten, and what is not complete never has the asked name.
 */
import { randomUUID } from 'node:crypto'
import { access, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import {
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBType,
  type DuckDBValue,
  DOUBLE,
  VARCHAR,
} from '@duckdb/node-api'
import { ioError, TidemarkError } from '../errors.js'
import type { Column, FeatureRows } from '../features/rows.js'
import { markUtc } from './parquet-utc.js'

/** What a row says beside its features, at the same index as in the feature rows. */
export interface RowHeads {
  /** What the rows are sorted by where they come from a file; else 0. */
  readonly places: readonly number[]
  /** ms UTC. */
  readonly instants: readonly number[]
  readonly labels: readonly (number | null)[]
  readonly labelTimes: readonly (number | null)[]
}

export interface TrainingFileOptions {
  readonly out: string
  readonly columns: readonly Column[]
  /** A folder that is the caller's to remove; DuckDB spills into it. */
  readonly tempFolder: string
  /** By (as_of, UTF-8 bytes of the id), or by place. */
  readonly order: 'instant' | 'place'
}

const headTypes: readonly DuckDBType[] = [DOUBLE, VARCHAR, DOUBLE, DOUBLE, DOUBLE]

export class TrainingFile {
  rows = 0

  private constructor(
    private readonly options: TrainingFileOptions,
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    private readonly appender: DuckDBAppender,
    private readonly types: readonly DuckDBType[],
  ) {}

  /** Raises `OUTPUT_EXISTS` or `OUTPUT_UNWRITABLE` (exit 74). */
  static async open(options: TrainingFileOptions): Promise<TrainingFile> {
    await checkOutput(options.out)
    const instance = await DuckDBInstance.create(':memory:', {
      autoinstall_known_extensions: 'false',
      memory_limit: '1024MB',
      temp_directory: join(options.tempFolder, 'sorting'),
      threads: '1',
    })
    const connection = await instance.connect()
    const types = [
      ...headTypes,
      ...options.columns.map(({ type }) => (type === 'string' ? VARCHAR : DOUBLE)),
    ]
    const declared = types.map((type, i) => `c${i} ${type.toString()}`)
    await connection.run(`CREATE TABLE gathered (${declared.join(', ')})`)
    const appender = await connection.createAppender('gathered')
    return new TrainingFile(options, instance, connection, appender, types)
  }

  /** At most 2,048 rows at a time. */
  add(rows: FeatureRows, heads: RowHeads): void {
    if (rows.length === 0) return
    const chunk = DuckDBDataChunk.create(this.types, rows.length)
    chunk.setColumns([
      heads.places,
      rows.customers,
      heads.instants,
      heads.labels,
      heads.labelTimes,
      ...valueColumns(rows),
    ])
    this.appender.appendDataChunk(chunk)
    this.rows += rows.length
  }

  /** Writes the file; `metadata` becomes its key `tidemark`, as JSON. */
  async finish(metadata: unknown): Promise<void> {
    this.appender.closeSync()
    const { out, columns, order } = this.options
    const draft = join(dirname(out), `.${basename(out)}.${randomUUID()}.part`)
    const features = columns.map(({ name, type }, i) => {
      const column = `c${i + headTypes.length}`
      return `${type === 'long' ? `${column}::BIGINT` : column} AS ${quotedName(name)}`
    })
    const heads = `c1 AS customer_id, epoch_ms(c2::BIGINT)::TIMESTAMP_MS AS as_of,
      c3::BIGINT AS label, epoch_ms(c4::BIGINT)::TIMESTAMP_MS AS label_time`
    const sorted = `SELECT ${[heads, ...features].join(', ')} FROM gathered
      ORDER BY ${order === 'place' ? 'c0' : 'c2, c1'}`
    const text = JSON.stringify(metadata).replaceAll("'", "''")
    const target = draft.replaceAll("'", "''")
    try {
      await this.connection.run(`COPY (${sorted}) TO '${target}'
        (FORMAT parquet, COMPRESSION zstd, KV_METADATA {tidemark: '${text}'})`)
      await markUtc(draft, ['as_of', 'label_time'])
      await checkOutput(out)
      await rename(draft, out)
    } catch (error) {
      if (error instanceof TidemarkError) throw error
      const [sentence] = (error as Error).message.split('\n')
      throw ioError('OUTPUT_UNWRITABLE', `cannot write ${out}: ${sentence}`, error)
    } finally {
      await rm(draft, { force: true })
    }
  }

  close(): void {
    this.connection.closeSync()
    this.instance.closeSync()
  }
}

const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`

async function checkOutput(out: string): Promise<void> {
  if (await exists(out)) {
    throw ioError('OUTPUT_EXISTS', `${out} is there already and is not overwritten`)
  }
  if (!(await exists(dirname(out)))) {
    throw ioError('OUTPUT_UNWRITABLE', `cannot write ${out}: there is no folder ${dirname(out)}`)
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

/** The values of each declared column, row by row; NaN is null. */
function valueColumns(rows: FeatureRows): DuckDBValue[][] {
  let number = 0
  let string = 0
  return rows.columns.map(({ type }) => {
    const values: DuckDBValue[] = []
    if (type === 'string') {
      const at = string++
      for (let r = 0; r < rows.length; r++)
        values.push(rows.strings[r * rows.stringCount + at] ?? null)
      return values
    }
    const at = number++
    for (let r = 0; r < rows.length; r++) {
      const value = rows.numbers[r * rows.numericCount + at]
      values.push(Number.isNaN(value) ? null : value)
    }
    return values
  })
}
