/** The embedded log of an example's data directory, read while no process holds it. */
import { join } from 'node:path'
import type { App } from '../../src/features/app.js'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import { topicsOf, type EventLog, type StoredRecord } from '../../src/log/log.js'
import { readPartition } from '../../src/replay/read-log.js'
import type { NaiveRecord } from '../support/naive.js'

/** Opens the log of a data directory that no process holds. */
export async function withLog<T>(data: string, work: (log: EventLog) => Promise<T>): Promise<T> {
  const log = await EmbeddedLog.open(join(data, 'log'), { mustExist: true })
  try {
    return await work(log)
  } finally {
    await log.close()
  }
}

/** The records of a topic from an offset on. */
export async function* recordsOf(
  log: EventLog,
  topic: string,
  fromOffset = 0,
): AsyncGenerator<StoredRecord> {
  const end = await log.endOffset(topic, 0)
  for await (const portion of readPartition(log, topic, 0, end, fromOffset)) yield* portion
}

/** What differs first between the events of a log and those that are due; null where nothing. */
export async function eventDifference(
  log: EventLog,
  { name, codec }: Pick<App, 'name' | 'codec'>,
  due: readonly NaiveRecord[],
): Promise<string | null> {
  let count = 0
  for await (const { key, value, timestamp, offset } of recordsOf(log, topicsOf(name).events)) {
    const wanted = due[count++]
    if (wanted === undefined) return `event ${offset} is one too many`
    const { type, body, loggedAt } = wanted
    const isSame =
      timestamp === loggedAt &&
      key!.toString() === body.customer_id &&
      value!.equals(codec.encode(type, body))
    if (isSame) continue
    const told = JSON.stringify([timestamp, key!.toString(), codec.decode(value!)])
    return `event ${offset} is ${told}, due ${JSON.stringify(wanted)}`
  }
  return count === due.length ? null : `${count} events, due ${due.length}`
}

/** How many rows that could be no event lie in the rejects, by code. */
export async function rejectCodes(log: EventLog, app: string): Promise<Map<string, number>> {
  const codes = new Map<string, number>()
  for await (const { headers } of recordsOf(log, topicsOf(app).rejects)) {
    const code = headers!.find(([name]) => name === 'tidemark.errors.code')![1].toString()
    codes.set(code, (codes.get(code) ?? 0) + 1)
  }
  return codes
}
