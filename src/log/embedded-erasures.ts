/** The erasure index of an embedded log, from its rows. */
import { unsealed } from '../state/checksum.js'
import { damaged } from './embedded-cursor.js'
import { baseOffsetOf } from './embedded-keys.js'
import type { Rows } from './embedded-portions.js'
import type { TopicPartition } from './tails.js'

/**
 * For each key with a null value below `endOffset`, the offset of its newest one. `due` is how many
 * rows there must be: an erasure that was lost would bring an erased customer back. There may be
 * more, for one that is on its way to the disk may be seen already.
 *
 * @throws TidemarkError LOG_DAMAGED (74)
 */
export function newestErasures(
  rows: Rows,
  at: TopicPartition,
  due: number,
  endOffset: number,
): Map<string, number> {
  const newest = new Map<string, number>()
  for (const [key, value] of rows) {
    const offset = baseOffsetOf(key)
    const erased = unsealed(key, value)
    if (erased === null) throw damaged(at, offset, offset + 1, 'its erasure row is damaged')
    if (offset < endOffset) newest.set(Buffer.from(erased).toString('utf8'), offset)
  }
  if (rows.length < due) {
    throw damaged(at, 0, null, `${due} erasures are due, ${rows.length} are there`)
  }
  return newest
}
