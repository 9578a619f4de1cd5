/**
 * A real log through the real ingest and replay, against the naive implementation: all rows of ten
 * cut-offs, and every line of the file accounted for.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { featureSet } from '../../examples/online-retail/features.js'
import { eligible, labels } from '../../examples/online-retail/labels.js'
import { rules } from '../../examples/online-retail/rules.js'
import { schemaIds } from '../../examples/online-retail/schemas.gen.js'
import { isReject } from '../../src/events/event.js'
import { buildApp } from '../../src/features/build-app.js'
import type { App } from '../../src/features/app.js'
import { ingestSql } from '../../src/ingest/ingest.js'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import type { EventLog } from '../../src/log/log.js'
import { parseCutoffs } from '../../src/replay/cutoffs.js'
import { readPartition } from '../../src/replay/read-log.js'
import { writeTrainingSet } from '../../src/replay/training-set.js'
import { differences } from '../support/differences.js'
import { NaiveLog, type NaiveRecord, type NaiveValue } from '../support/naive.js'
import { readParquet } from '../support/parquet.js'
import { tempFolder } from '../support/temp-folder.js'

const csv = fileURLToPath(
  new URL('../../../shared/data/online_retail/online_retail.csv.gz', import.meta.url),
)
const events = new URL('../../examples/online-retail/events.sql', import.meta.url)
const topic = 'online_retail.events'

/** The rules of the example, said once more. */
function isRejected(body: Record<string, unknown>): boolean {
  const within = (name: string, min: number, max: number): boolean => {
    const value = body[name]
    return typeof value !== 'number' || (value >= min && value <= max)
  }
  return !(
    typeof body['stock_code'] === 'string' &&
    within('quantity', 1, 100_000) &&
    within('unit_price', 0, 100_000) &&
    within('amount', 0, 1_000_000)
  )
}

async function naiveRecords(app: App, log: EventLog): Promise<NaiveRecord[]> {
  const records: NaiveRecord[] = []
  for await (const portion of readPartition(log, topic, 0, await log.endOffset(topic, 0))) {
    for (const { offset, timestamp, value } of portion) {
      const decoded = app.codec.decode(value!)
      if (isReject(decoded)) throw new Error(decoded.reason)
      const body = decoded.body as NaiveRecord['body']
      const type = app.codec.types[decoded.type]
      const rejected = isRejected(body)
      records.push({ partition: 0, offset, loggedAt: timestamp, type, body, rejected })
    }
  }
  return records
}

describe.skipIf(!existsSync(csv))('Online Retail (skipped without ../shared/data)', () => {
  it('replay writes the rows of the naive implementation, at ten cut-offs', async () => {
    const app = buildApp({ featureSet, schemaIds, rules, labels, eligible, synthetic: false })
    const folder = await tempFolder()
    const log = await EmbeddedLog.open(join(folder, 'log'), { timeBase: { kind: 'none' } })
    try {
      const sql = await readFile(events, 'utf8')
      const loaded = await ingestSql({ app, log, sql, files: [csv] })
      expect(loaded).toMatchObject({ rows: 541_909, appended: 406_829, rejected: 135_080 })

      const text = '2011-01-10..2011-12-08T17:00:01/37d'
      const instants = parseCutoffs(text)
      expect(instants).toHaveLength(10)
      const out = join(folder, 'train.parquet')
      await writeTrainingSet({ app, log, asked: { kind: 'cutoffs', text, instants }, out })
      const rows = await readParquet(out)

      const { spec } = featureSet
      const records = await naiveRecords(app, log)
      const naive = new NaiveLog(records, { spec, eligible, label: labels.spec })
      const due = instants.flatMap((instant) => naive.cutoff(instant, 'known'))
      expect(due.length).toBeGreaterThan(10_000)
      expect(rows).toHaveLength(due.length)
      const wrong = due.flatMap((row, i) => {
        const values = spec.features.map(({ name }): NaiveValue => rows[i][name])
        const found = differences(spec, values, row.values)
        const { customer_id, as_of, label } = rows[i]
        const heads = { customer: row.customer, asOf: row.asOf, label: row.label }
        const same = JSON.stringify({ customer: customer_id, asOf: as_of, label })
        if (same !== JSON.stringify(heads)) found.push(`${same}, due ${JSON.stringify(heads)}`)
        return found.map((text) => `${row.customer} at ${row.asOf}: ${text}`)
      })
      expect(wrong.slice(0, 10)).toEqual([])
    } finally {
      await log.close()
    }
  }, 600_000)
})
