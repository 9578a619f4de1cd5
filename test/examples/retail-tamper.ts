/** What verify must find: a data directory in which one emitted record was tampered with. */
import { join } from 'node:path'
import type { StoredRecord } from '../../src/log/log.js'
import { dropRecord, replaceRecord } from '../support/tamper.js'
import { recordsOf, withLog } from './example-log.js'
import { outputs, topics } from './retail-app.js'

/** The finding that is due. */
export interface DueFinding {
  readonly kind: 'score' | 'missing'
  readonly customer: string
  readonly commit: number
  readonly topic: string
}

/** Flips the lowest bit of a probability from the middle of the history. */
export async function flipScore(data: string): Promise<DueFinding> {
  const record = await middleRecord(data, topics.scores)
  const { customer, commit, probability } = outputs.decodeScore(record.value!)
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(probability!)
  const at = record.value!.indexOf(bytes)
  await replaceRecord(join(data, 'log'), placeOf(topics.scores, record), ({ value, ...rest }) => {
    const flipped = Buffer.from(value!)
    flipped[at] ^= 1
    return { ...rest, value: flipped }
  })
  return { kind: 'score', customer, commit, topic: topics.scores }
}

/** Drops a feature row from the middle of the history. */
export async function dropRow(data: string): Promise<DueFinding> {
  const record = await middleRecord(data, topics.features)
  const { customer, commit } = outputs.decodeFeatures(record.value!)
  await dropRecord(join(data, 'log'), placeOf(topics.features, record))
  return { kind: 'missing', customer, commit, topic: topics.features }
}

const placeOf = (topic: string, { offset }: StoredRecord) => ({ topic, partition: 0, offset })

function middleRecord(data: string, topic: string): Promise<StoredRecord> {
  return withLog(data, async (log) => {
    const middle = Math.floor((await log.endOffset(topic, 0)) / 2)
    for await (const record of recordsOf(log, topic, middle)) return record
    throw new Error(`${topic} has no record ${middle}`)
  })
}
