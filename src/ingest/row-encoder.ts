/**
 * Rows of a query to records of the log. A row that cannot be one becomes a reject in its place;
 * what can be encoded is judged like any other record, behind the log.
 */
import { TidemarkError } from '../errors.js'
import { OCCURRED_AT_END, OCCURRED_AT_MIN } from '../events/envelope.js'
import type { EventBody, EventCodec, Reject } from '../events/event.js'
import { recordBytes, recordBytesMax, type LogRecord } from '../log/log.js'
import type { RowPortion } from './duckdb-portion.js'

/** A row that became a record. */
export interface EncodedRow {
  readonly record: LogRecord & { readonly key: Buffer; readonly value: Buffer }
}

/** A row that could not; `json` is the row as it came from the query. */
export interface RefusedRow {
  readonly reject: Reject
  readonly json: Buffer
}

export function isRefused(row: EncodedRow | RefusedRow): row is RefusedRow {
  return 'reject' in row
}

export class RowEncoder {
  private readonly types: ReadonlySet<string>
  private readonly timeColumn: 'logged_at' | 'occurred_at'

  constructor(
    private readonly codec: EventCodec,
    private readonly names: readonly string[],
  ) {
    this.types = new Set(codec.types)
    this.timeColumn = names.includes('logged_at') ? 'logged_at' : 'occurred_at'
  }

  /** `latestAllowed`: the latest timestamp (ms UTC) that the log takes now. */
  encode(portion: RowPortion, row: number, latestAllowed: number): EncodedRow | RefusedRow {
    const body: Record<string, unknown> = {}
    for (let c = 0; c < this.names.length; c++) body[this.names[c]] = portion.columns[c][row]
    const missing = this.missing(body, latestAllowed)
    if (missing !== null) return refused(missing, body)
    try {
      const value = this.codec.encode(body['type'] as string, body as unknown as EventBody)
      const key = Buffer.from(body['customer_id'] as string, 'utf8')
      const timestamp = body[this.timeColumn] as number
      const record = { key, value, timestamp, headers: null }
      const bytes = recordBytes(record)
      return bytes <= recordBytesMax ? { record } : refused(tooLarge(bytes), body)
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error
      return refused(unfit(error.message, body), body)
    }
  }

  /** What a record needs before there is a schema to ask. */
  private missing(body: Record<string, unknown>, latestAllowed: number): Reject | null {
    const type = body['type']
    if (body['customer_id'] === null) {
      return { code: 'KEY_MISSING', reason: 'customer_id is null', field: '/customer_id' }
    }
    if (type === null || !this.types.has(type as string)) {
      const due = [...this.types].join(', ')
      return {
        code: 'TYPE_UNKNOWN',
        reason: `type ${JSON.stringify(type)} is none of ${due}`,
        field: '/type',
      }
    }
    return this.badTime(body[this.timeColumn], latestAllowed)
  }

  /**
   * The record's timestamp moves log time, whatever the event is worth: an instant out of all
   * range must not get into the log.
   */
  private badTime(time: unknown, latestAllowed: number): Reject | null {
    if (typeof time !== 'number') return this.timeReject(`is ${String(time)}`)
    if (time < OCCURRED_AT_MIN || time >= OCCURRED_AT_END) {
      const seconds = time >= OCCURRED_AT_MIN / 1000 && time < OCCURRED_AT_END / 1000
      const hint = seconds ? '; it looks like seconds, milliseconds are due' : ''
      return this.timeReject(`${time} is not between 1990-01-01 and 2100-01-01 UTC${hint}`)
    }
    if (time <= latestAllowed) return null
    return this.timeReject(`${time} is more than an hour ahead of the log`)
  }

  private timeReject(why: string): Reject {
    const { timeColumn } = this
    const reason = `${timeColumn} ${why}`
    return { code: 'TIMESTAMP_RANGE', reason, field: `/${timeColumn}` }
  }
}

function tooLarge(bytes: number): Reject {
  const reason = `the record would have ${bytes} bytes; at most ${recordBytesMax} are allowed`
  return { code: 'RECORD_TOO_LARGE', reason }
}

function unfit(reason: string, body: Record<string, unknown>): Reject {
  for (const [name, value] of Object.entries(body)) {
    const unsafe = typeof value === 'bigint'
    if (unsafe || (typeof value === 'number' && !Number.isFinite(value))) {
      return { code: 'NUMBER_RANGE', reason, field: `/${name}` }
    }
  }
  const field = /, field ([^:]+):/.exec(reason)?.[1]
  const code = 'ROW_INVALID'
  return field === undefined ? { code, reason } : { code, reason, field: `/${field}` }
}

function refused(reject: Reject, body: Record<string, unknown>): RefusedRow {
  const isPlain = Object.values(body).every((value) => !isUnjson(value))
  return { reject, json: Buffer.from(JSON.stringify(body, isPlain ? undefined : withUnjson)) }
}

/** What JSON cannot say, or would say wrongly. */
function isUnjson(value: unknown): boolean {
  return typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))
}

const withUnjson = (_: string, value: unknown): unknown => (isUnjson(value) ? String(value) : value)
