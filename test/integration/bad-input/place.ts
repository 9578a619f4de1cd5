/** Where a command line of the table runs: a folder of its own, and a good data directory to harm. */
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { churn } from '../../../src/apps/churn/app.js'
import { layoutOf } from '../../../src/cli/layout.js'
import { OutputRows, type ScoreRow } from '../../../src/events/output-rows.js'
import { EmbeddedLog } from '../../../src/log/embedded-log.js'
import { type EventLog, type StoredRecord, topicsOf } from '../../../src/log/log.js'
import { countedRecords, type Position } from '../../../src/operators/position.js'
import { runBinary } from '../../support/binary.js'
import { tinySql, writeTinyApp } from '../../support/tiny-app.js'

/** Sessions of two customers; the second one's are long. */
const sessionsCsv = `event_id,customer_id,occurred_at,seconds
e1,short,2026-01-01 10:00:00,60
e2,long,2026-01-01 11:00:00,2000
e3,short,2026-01-02 10:00:00,70
`
const sessions = 3

const sessionsSql = `SELECT event_id, customer_id, 'session' AS type,
  occurred_at::TIMESTAMP AS occurred_at, NULL::VARCHAR AS source,
  seconds::DOUBLE AS duration_seconds, NULL::VARCHAR AS device
  FROM read_csv(\${files}, types = {'customer_id': 'VARCHAR'})`

/** Flags by which a start ends by itself. */
export const once = ['--exit-when-done', '--port', '0']

/** What all lines share; made once. */
export interface Shared {
  readonly csv: string
  readonly sql: string
  /** A churn data directory with three sessions, committed. */
  readonly data: string
  readonly tiny: string
  readonly tinySql: string
}

export async function makeShared(folder: string): Promise<Shared> {
  mkdirSync(folder)
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const csv = write('sessions.csv', sessionsCsv)
  const sql = write('sessions.sql', sessionsSql)
  const data = join(folder, 'data')
  const end = await runBinary(['start', '--data', data, '--from', csv, '--sql', sql, ...once])
  if (end.exit !== 0) throw new Error(`the good start failed: ${end.stderr}`)
  const tiny = writeTinyApp(join(folder, 'tiny'))
  return { csv, sql, data, tiny, tinySql: write('tiny.sql', tinySql) }
}

export class Place {
  constructor(
    readonly folder: string,
    readonly shared: Shared,
  ) {}

  path(name: string): string {
    return join(this.folder, name)
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content)
    return this.path(name)
  }

  /** A copy of the good data directory; what is done to it must leave it as good as it was. */
  data(): string {
    const path = this.path('data')
    if (!existsSync(path)) cpSync(this.shared.data, path, { recursive: true })
    return path
  }

  /** The faults of the copy, if one was made: nothing may be lost, doubled or left locked. */
  async faults(): Promise<string[]> {
    const path = this.path('data')
    if (!existsSync(join(path, 'log')) || !existsSync(join(path, 'app.json'))) return []
    const faults = existsSync(join(path, 'lock')) ? ['the lock is still there'] : []
    return [...faults, ...(await withLog(path, faultsOf))]
  }
}

async function faultsOf(log: EventLog): Promise<string[]> {
  const { events, changelog } = topicsOf('churn')
  const faults: string[] = []
  const input = await log.endOffset(events, 0)
  if (input !== sessions) faults.push(`${input} events are in the log, due are ${sessions}`)
  const last = await log.last(changelog, 0)
  const { counts, endOffset } = JSON.parse(last!.value!.toString()) as Position
  if (endOffset !== sessions || countedRecords(counts) !== sessions) {
    faults.push(`${countedRecords(counts)} records are counted up to offset ${endOffset}`)
  }
  return faults
}

/** Opens the log of a data directory that no process has. */
export async function withLog<T>(data: string, read: (log: EventLog) => Promise<T>): Promise<T> {
  const log = await EmbeddedLog.open(join(data, 'log'), { mustExist: true })
  try {
    return await read(log)
  } finally {
    await log.close()
  }
}

/** All records of a topic's first partition. */
export async function recordsOf(log: EventLog, topic: string): Promise<StoredRecord[]> {
  const reader = log.reader(topic, 0, 0)
  const records: StoredRecord[] = []
  for (let atEnd = false; !atEnd;) {
    const poll = await reader.poll(10_000, 0)
    records.push(...poll.records)
    atEnd = poll.atEnd
  }
  await reader.close()
  return records
}

/** The last score by customer. */
export function scoresOf(data: string): Promise<Map<string, ScoreRow>> {
  const rows = new OutputRows(layoutOf(churn()))
  return withLog(data, async (log) => {
    const records = await recordsOf(log, topicsOf('churn').scores)
    return new Map(records.map(({ key, value }) => [String(key), rows.decodeScore(value!)]))
  })
}
