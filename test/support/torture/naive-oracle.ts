/**
 * O1 and O7: rows that were emitted, drawn at random, derived again by the naive implementation, which
 * shares no line with the engine, from nothing but the input.
 */
import { isReject } from '../../../src/events/event.js'
import type { StoredRecord } from '../../../src/log/log.js'
import type { EligibleSpec, FeatureSetSpec } from '../../../src/features/spec.js'
import { differences } from '../differences.js'
import { app } from '../kill/churn-parts.js'
import { NaiveLog, type NaiveRecord } from '../naive.js'
import type { Outputs } from '../outputs.js'
import type { Random } from '../random.js'

/** Of each partition. */
const rowsDrawn = 50

const declaration = app.declaration as {
  readonly features: FeatureSetSpec
  readonly eligible: EligibleSpec | null
}

/** Of one partition, which is all that its rows depend on. */
export function naiveFaults(
  input: readonly StoredRecord[],
  { partition, pairs, rejected }: Outputs,
  random: Random,
): string[] {
  const erased = new Set<string>()
  const offsets = new Set(rejected.map((text) => text.split(' ')[0]))
  const records = input.map((record) => {
    if (record.value === null) erased.add(String(record.key))
    return naiveRecord(record, partition, offsets.has(String(record.offset)))
  })
  const { features: spec, eligible } = declaration
  const naive = new NaiveLog(records, { spec, eligible, label: null })
  const faults: string[] = []
  const all = pairs.filter(({ bytes }) => bytes.features !== null)
  const names = spec.features.map(({ name }) => name)
  for (let i = 0; i < rowsDrawn && all.length > 0; i++) {
    const { customer, commit, features } = all[random.below(all.length)]
    if (features === null || erased.has(customer)) continue
    const { asOf, endOffset } = features
    const row = naive.row({ customer, asOf, prefix: { partition, endOffset } }, 'known')
    const values = names.map((name) => features.values[name])
    const texts = differences(spec, values, row.values)
    if (features.eligible !== row.eligible) texts.push(`eligible is ${features.eligible}`)
    if (features.retired !== row.retired) texts.push(`retired is ${features.retired}`)
    if (texts.length > 0) faults.push(`O7 ${customer} in commit ${commit}: ${texts.join(', ')}`)
  }
  return faults.slice(0, 10)
}

function naiveRecord(record: StoredRecord, partition: number, isRejected: boolean): NaiveRecord {
  const { offset, timestamp, value } = record
  const decoded = value === null || isRejected ? null : app.codec.decode(value)
  if (decoded === null || isReject(decoded)) {
    const body = { event_id: '', customer_id: '', occurred_at: 0 }
    return { partition, offset, loggedAt: timestamp, type: '', body, rejected: true }
  }
  const type = app.codec.types[decoded.type]
  return { partition, offset, loggedAt: timestamp, type, body: decoded.body }
}
