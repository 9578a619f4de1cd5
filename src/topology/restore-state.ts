/**
 * Brings a store to the last commit by the state that the log keeps.
 *
 * Owns what of that is still to be copied, and whether the store may go on with it. What comes out
 * is proved by whoever opens the store: the committed position names the digest over all of it.
 *
 * Z1 Copying ends at the end that was read after fencing: exactly the state of the last commit.
 * Z2 A store that is on its way says so, and where it stands; it goes on there after a crash.
 * Z3 A store that was not written for so long that the log may have forgotten what was deleted
 *    meanwhile does not go on: it is set aside and made again.
 */
import { ioError } from '../errors.js'
import { failpoint } from '../failpoint.js'
import type { EventLog, Topics } from '../log/log.js'
import { type OffsetRange, offsetRange } from '../log/offset-range.js'
import type { Position } from '../operators/position.js'
import { encodeStored, parseStored } from '../state/proof.js'
import type { Store, StoreChange } from '../state/store.js'
import type { EngineSettings } from './settings.js'
import type { RestoreProgress } from './status.js'

const recordsPerPoll = 10_000

export interface RestoreParts {
  readonly log: EventLog
  readonly topics: Topics
  readonly settings: Pick<EngineSettings, 'wallClock' | 'storeAgeMsMax' | 'flushBytesMax'>
  note(text: string): void
}

export interface RestoreOptions {
  /** Whether more is to follow, and the store belongs to no commit meanwhile. @default false */
  readonly isPartial?: boolean
  restoring(progress: RestoreProgress | null): void
  readonly stop: AbortSignal
}

/**
 * Copies what the store lacks of the state in the log. Answers whether all of the
 * store came from the log just now. `range`: what the log has, where that is known.
 *
 * @throws TidemarkError STORE_DAMAGED where the store cannot be brought there; STOPPED
 */
export async function followState(
  parts: RestoreParts,
  partition: number,
  store: Store,
  committed: Position,
  options: RestoreOptions,
  range?: OffsetRange,
): Promise<boolean> {
  const { log, topics, settings } = parts
  const stored = parseStored<Position>(await store.position())
  const isWhole = stored?.followed?.isPartial === false || options.isPartial === true
  if (isWhole && stored !== null && isThere(stored.position, committed)) return false
  const { start, end: until } = range ?? (await offsetRange(log, topics.state, partition))
  const from = stored === null ? start : (stored.followed?.stateOffset ?? -1)
  if (stored !== null) checkAge(parts, partition, stored.followed?.flushedAt ?? 0)
  if (from < start || from > until) {
    const text = `store of partition ${partition} has followed ${topics.state} up to ${from}`
    throw ioError('STORE_DAMAGED', `${text}; the log has ${start} to ${until} of it`)
  }
  const copy = new Copy(parts, partition, store, committed, options)
  const startedMs = settings.wallClock()
  await copy.run(from, until)
  const seconds = (settings.wallClock() - startedMs) / 1000
  if (options.isPartial !== true) {
    const text = `store of partition ${partition} has followed ${until - from} offsets of the state`
    parts.note(`${text} in ${seconds} s, from ${from} on`)
  }
  return stored === null
}

/** A generation that is built stands at several offsets within what one commit has seen. */
function isThere({ commitId, endOffset }: Position, due: Position): boolean {
  return commitId === due.commitId && endOffset === due.endOffset
}

/** Keeps Z3. */
function checkAge({ settings }: RestoreParts, partition: number, flushedAt: number): void {
  const ageMs = settings.wallClock() - flushedAt
  if (ageMs <= settings.storeAgeMsMax) return
  const hours = Math.round(ageMs / 3_600_000)
  const text = `store of partition ${partition} was last written ${hours} hours ago`
  throw ioError('STORE_DAMAGED', `${text}: the log may have forgotten deletions since`)
}

class Copy {
  private changes = new Map<string, StoreChange>()
  private bytes = 0

  constructor(
    private readonly parts: RestoreParts,
    private readonly partition: number,
    private readonly store: Store,
    private readonly committed: Position,
    private readonly options: RestoreOptions,
  ) {}

  async run(from: number, until: number): Promise<void> {
    const { log, topics, settings } = this.parts
    const { flushBytesMax } = settings
    const reader = log.reader(topics.state, this.partition, from)
    try {
      for (let next = from; next < until;) {
        this.options.stop.throwIfAborted()
        const { records, atEnd } = await reader.poll(recordsPerPoll, 1000)
        for (const { key, value, offset } of records) {
          if (offset >= until) break
          this.changes.set(key!.toString('latin1'), { key: key!, value })
          this.bytes += key!.length + (value?.length ?? 0)
          if (this.bytes >= flushBytesMax) await this.write(offset + 1, true)
        }
        next = atEnd ? until : Math.min(until, (records.at(-1)?.offset ?? next - 1) + 1)
        this.options.restoring({ done: next - from, total: until - from })
        failpoint('engine.in-restore')
      }
      await this.write(until, this.options.isPartial === true)
    } finally {
      this.options.restoring(null)
      await reader.close()
    }
  }

  private async write(stateOffset: number, isPartial: boolean): Promise<void> {
    const { committed } = this
    const flushedAt = this.parts.settings.wallClock()
    const { digest, customers } = committed.state!
    const followed = { stateOffset, flushedAt, isPartial }
    const position = encodeStored(committed, digest, customers, followed)
    await this.store.write([...this.changes.values()], position)
    this.changes = new Map()
    this.bytes = 0
  }
}
