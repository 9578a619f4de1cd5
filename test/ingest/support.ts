/** A small app to ingest into, files to ingest from, and what is in a log afterwards. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AvroCodec } from '../../src/events/avro-codec.js'
import { isReject, type EventBody } from '../../src/events/event.js'
import { registerSchemas } from '../../src/events/schema-ids.js'
import type { EventLog, StoredRecord } from '../../src/log/log.js'
import { vectorSchemas } from '../support/vectors-app.js'

const ids = registerSchemas({}, Object.values(vectorSchemas), 'backward')
export const app = { name: 'shop', codec: new AvroCodec(vectorSchemas, ids) }

/** All records of a partition. */
export async function recordsOf(
  log: EventLog,
  topic: string,
  partition = 0,
): Promise<StoredRecord[]> {
  const reader = log.reader(topic, partition, 0)
  const records: StoredRecord[] = []
  for (;;) {
    const poll = await reader.poll(1000, 0)
    records.push(...poll.records)
    if (poll.atEnd) break
  }
  await reader.close()
  return records
}

export async function eventsOf(log: EventLog, partition = 0): Promise<EventBody[]> {
  const records = await recordsOf(log, 'shop.events', partition)
  return records.map(({ value }) => {
    const decoded = app.codec.decode(value!)
    if (isReject(decoded)) throw new Error(decoded.reason)
    return decoded.body
  })
}

/** Writes a file into a folder and returns its path. */
export async function fileOf(folder: string, name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

/** Rows that make orders of `amount` 0, 1, 2, … one a minute. */
export const ordersSql = (count: number): string => `
  SELECT 'e' || i AS event_id, 'c' || (i % 7) AS customer_id, 'order' AS type,
         TIMESTAMP '2024-01-01' + INTERVAL (i) MINUTE AS occurred_at, i::DOUBLE AS amount
  FROM range(${count}) AS r(i), read_csv(\${files})`
