/** Changes what LevelDB holds behind the back of the adapters, as rotten disks and people do. */
import { ClassicLevel } from 'classic-level'
import { BlockBuilder, decodeBlock } from '../../src/log/embedded-block.js'
import { baseOffsetOf } from '../../src/log/embedded-keys.js'
import type { LogRecord } from '../../src/log/log.js'

/** A row of an embedded log; topic and base offset mean nothing where the kind has none. */
export interface LogRow {
  readonly kind: 'meta' | 'tally' | 'partition' | 'index' | 'block' | 'erasure'
  readonly topic: string
  readonly baseOffset: number
  readonly value: Buffer
}

const KINDS = ['meta', 'tally', 'partition', 'index', 'block', 'erasure'] as const

/** Puts what `change` returns in each row's place, or deletes it for null. The log is closed. */
export async function changeLogRows(
  directory: string,
  change: (row: LogRow) => Buffer | null,
): Promise<void> {
  const db = new ClassicLevel<Buffer, Buffer>(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  })
  for (const [key, value] of await db.iterator().all()) {
    const kind = KINDS[key[0]!]!
    const placed = kind === 'index' || kind === 'block' || kind === 'erasure'
    const before = Buffer.from(value)
    const after = change({
      kind,
      topic: placed ? key.toString('utf8', 2, 2 + key[1]!) : '',
      baseOffset: placed ? baseOffsetOf(key) : -1,
      value,
    })
    if (after === null) await db.del(key)
    else if (!after.equals(before)) await db.put(key, after)
  }
  await db.close()
}

/**
 * Puts another record in the place of the one at an offset, under a seal that holds: what a checksum
 * cannot find. The log is closed.
 */
export async function replaceRecord(
  directory: string,
  at: { readonly topic: string; readonly partition: number; readonly offset: number },
  change: (record: LogRecord) => LogRecord,
): Promise<void> {
  const db = new ClassicLevel<Buffer, Buffer>(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  })
  let found = false
  for (const [key, value] of await db
    .iterator({ gte: Buffer.from([4]), lt: Buffer.from([5]) })
    .all()) {
    const topic = key.toString('utf8', 2, 2 + key[1]!)
    const partition = key.readUInt32BE(2 + key[1]!)
    if (topic !== at.topic || partition !== at.partition) continue
    const records = decodeBlock(key, value, baseOffsetOf(key))!
    if (!records.some((record) => record.offset === at.offset)) continue
    const block = new BlockBuilder()
    for (const record of records) block.add(record.offset === at.offset ? change(record) : record)
    await db.put(key, block.finish(key), { sync: true })
    found = true
  }
  await db.close()
  if (!found) throw new Error(`no record at offset ${at.offset} of ${at.topic}`)
}
