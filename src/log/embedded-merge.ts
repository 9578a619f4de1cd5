/**
 * Merges the small blocks that live commits leave into full ones: a log of many thousand commits a
 * day would otherwise have millions of blocks, and each is looked at when the log is opened.
 *
 * Owns which blocks of this process are neighbours and small. A merge is one batch that puts the
 * full blocks and deletes the small ones: after a crash there is one or the other, with the same
 * records at the same offsets. It is not synced: losing it loses nothing.
 *
 * Sixteen neighbours of one size class become one of the next, so a record is written at most three
 * times more. What an earlier process left small stays small: at most a few dozen blocks each.
 */
import { failpoint } from '../failpoint.js'
import type { Db } from '../state/level-store-db.js'
import type { ReadGate } from '../state/read-gate.js'
import { BLOCK_RECORDS_MAX, BlockBuilder, decodeBlock } from './embedded-block.js'
import { baseOffsetOf, keyAt } from './embedded-keys.js'
import type { Tail } from './tails.js'

interface SmallBlock {
  readonly baseOffset: number
  readonly count: number
}

const NEIGHBOURS = 16
/** Below so many records, a block is of the class; full blocks are of none. */
const CLASSES = [16, 256, BLOCK_RECORDS_MAX]

const EMPTY = Buffer.alloc(0)

export class BlockMerger {
  readonly #small = new Map<Tail, SmallBlock[]>()
  readonly #due = new Set<Tail>()

  constructor(
    readonly db: Db,
    private readonly gate: ReadGate,
  ) {}

  /** A block was written behind the last one of its tail. */
  wrote(tail: Tail, baseOffset: number, block: BlockBuilder): void {
    if (block.isFull) {
      this.#small.delete(tail)
      return
    }
    const small = this.#small.get(tail)
    if (small === undefined) this.#small.set(tail, [{ baseOffset, count: block.count }])
    else {
      small.push({ baseOffset, count: block.count })
      if (mergeFrom(small) >= 0) this.#due.add(tail)
    }
  }

  /** Merges what is due. Rejects as LevelDB's write does. */
  async merge(): Promise<void> {
    if (this.#due.size === 0) return
    const due = [...this.#due]
    this.#due.clear()
    for (const tail of due) {
      const small = this.#small.get(tail) ?? []
      for (let from = mergeFrom(small); from >= 0; from = mergeFrom(small)) {
        const run = small.splice(from)
        const left = await this.#mergeRun(tail, run)
        // Behind a full block, or one that cannot be read, nothing is a neighbour of what is before.
        if (left[0]?.baseOffset !== run[0].baseOffset) small.length = 0
        small.push(...left)
      }
    }
  }

  /** Merges neighbours and returns the small blocks that are left of them: one, or none. */
  async #mergeRun(tail: Tail, run: readonly SmallBlock[]): Promise<SmallBlock[]> {
    const end = run.at(-1)!.baseOffset + run.at(-1)!.count
    const found = await this.#read(tail, run[0].baseOffset, end)
    // Damage stays as it is: whoever reads the records reports it.
    if (found === null) return []
    const batch = this.db.batch()
    // What was read is what is written anew, so it is what goes.
    for (const { baseOffset, count } of found.read) {
      batch.del(keyAt('index', tail, baseOffset, count))
      batch.del(keyAt('block', tail, baseOffset))
    }
    let baseOffset = run[0].baseOffset
    const left: SmallBlock[] = []
    for (const block of found.merged) {
      const key = keyAt('block', tail, baseOffset)
      batch.put(keyAt('index', tail, baseOffset, block.count), EMPTY)
      batch.put(key, block.finish(key))
      if (!block.isFull) left.push({ baseOffset, count: block.count })
      baseOffset += block.count
    }
    failpoint('log.before-merge')
    await this.gate.write(() => batch.write())
    return left
  }

  /** The blocks that hold the records from `from` to `end`, and the same records in full ones. */
  async #read(
    tail: Tail,
    from: number,
    end: number,
  ): Promise<{ read: readonly SmallBlock[]; merged: readonly BlockBuilder[] } | null> {
    const read: SmallBlock[] = []
    const merged = [new BlockBuilder()]
    let due = from
    const range = { gte: keyAt('block', tail, from), lt: keyAt('block', tail, end) }
    const entries = await this.db
      .iterator(range)
      .all()
      .catch(() => [])
    for (const [key, value] of entries) {
      const records = baseOffsetOf(key) === due ? decodeBlock(key, value, due) : null
      if (records === null) return null
      read.push({ baseOffset: due, count: records.length })
      due += records.length
      for (const record of records) {
        if (merged.at(-1)!.isFull) merged.push(new BlockBuilder())
        merged.at(-1)!.add(record)
      }
    }
    return due === end ? { read, merged } : null
  }
}

/** Where the neighbours begin that are due to be merged, all up to the last; -1: none are. */
function mergeFrom(small: readonly SmallBlock[]): number {
  for (let index = 0; index < CLASSES.length; index += 1) {
    const below = CLASSES[index]
    const atLeast = CLASSES[index - 1] ?? 0
    let from = small.length
    let ofClass = 0
    while (from > 0 && small[from - 1].count < below) {
      from -= 1
      if (small[from].count >= atLeast) ofClass += 1
    }
    if (ofClass >= NEIGHBOURS) return from
  }
  return -1
}
