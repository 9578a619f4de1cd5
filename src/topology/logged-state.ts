/**
 * The state of a generation that is not in force, where the log keeps the state.
 *
 * Owns how far the topic of such a state is whole, and who writes it. Once the generation is in
 * force its commits write it, each within its own transaction.
 *
 * H1 Cells and the position that they belong to are written in one transaction: the topic holds
 *    exactly the state of the last such position, however often whoever writes it is killed.
 * H2 One writes at a time: who begins takes the writer from whoever had it.
 * H3 The topic is ahead of the store, never behind it: a store that missed a write follows the topic,
 *    for what was deleted in between would not be deleted there again.
 */
import type { EventLog, Topics } from '../log/log.js'
import { offsetRange } from '../log/offset-range.js'
import { readToEnd } from '../log/read-to-end.js'
import type { Position } from '../operators/position.js'
import { encodeStored, parseStored } from '../state/proof.js'
import type { Store, StoreChange, StoreView } from '../state/store.js'
import { assertBehind } from './check-store.js'
import { followState, type RestoreOptions, type RestoreParts } from './restore-state.js'

/** Who writes a partition's state of generations that are not in force. */
const builderOf = (partition: number): string => `rebuild-${partition}`

const keyOf = (generation: number): string => `built/${generation}`

/** Whose state it is. */
export interface StatePlace {
  readonly partition: number
  readonly generation: number
}

interface LogParts {
  readonly log: EventLog
  readonly topics: Topics
}

/** Up to which position the state of a generation that is not in force is whole; null: nothing is. */
export async function builtPosition(
  { log, topics }: LogParts,
  { partition, generation }: StatePlace,
): Promise<Position | null> {
  const key = keyOf(generation)
  let found: Position | null = null
  const { start, end } = await offsetRange(log, topics.state, partition)
  // The topic of the state was made anew: whatever was in it is to be built again.
  if (start === end) return null
  await readToEnd(log, { topic: topics.generations, partition }, (record) => {
    if (record.key?.toString() !== key || record.value === null) return
    found = JSON.parse(record.value.toString('utf8')) as Position
  })
  return found
}

/** A generation that goes out of force leaves its state as of its last commit. */
export async function noteLeft(
  { log, topics }: LogParts,
  { partition, generation }: StatePlace,
  committed: Position,
): Promise<void> {
  const transaction = log.begin(builderOf(partition))
  const value = Buffer.from(JSON.stringify(committed))
  transaction.append(topics.generations, partition, {
    key: Buffer.from(keyOf(generation)),
    value,
    timestamp: committed.logTime,
    headers: null,
  })
  await transaction.commit()
}

/**
 * Takes the state over from whoever wrote it, and brings the store to where the log has it whole.
 *
 * @throws TidemarkError STORE_DAMAGED where the store cannot be brought there; STOPPED
 */
export async function openLogged(
  parts: RestoreParts & { readonly layout: { readonly appHash: string } },
  place: StatePlace,
  store: Store,
  options: RestoreOptions,
): Promise<LoggedStore> {
  const { log, topics } = parts
  const { partition } = place
  await log.fence(builderOf(partition))
  const built = await builtPosition(parts, place)
  const stored = parseStored<Position>(await store.position())?.position ?? null
  assertBehind(partition, stored, built, parts.layout.appHash)
  const isAnew = built !== null && (await followState(parts, partition, store, built, options))
  const followed = parseStored<Position>(await store.position())?.followed
  const stateOffset = followed?.stateOffset ?? (await log.startOffset(topics.state, partition))
  return new LoggedStore(store, parts, place, { isAnew, stateOffset })
}

/** A store whose writes go to the log first, until the generation is in force. */
export class LoggedStore implements Store {
  /** Whether all of it came from the log just now. */
  readonly isAnew: boolean
  #stateOffset: number
  #isLogging = true

  constructor(
    private readonly store: Store,
    private readonly parts: RestoreParts,
    private readonly place: StatePlace,
    { isAnew, stateOffset }: { readonly isAnew: boolean; readonly stateOffset: number },
  ) {
    this.isAnew = isAnew
    this.#stateOffset = stateOffset
  }

  /** From here on the commits write the state. Answers how far the store has followed it. */
  settle(): number {
    this.#isLogging = false
    return this.#stateOffset
  }

  position(): Promise<Uint8Array | null> {
    return this.store.position()
  }

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.store.getMany(keys)
  }

  view(): Promise<StoreView> {
    return this.store.view()
  }

  close(): Promise<void> {
    return this.store.close()
  }

  async write(changes: readonly StoreChange[], position: Uint8Array): Promise<void> {
    if (!this.#isLogging) return this.store.write(changes, position)
    const { position: reached, digest, customers } = parseStored<Position>(position)!
    const built = { ...reached, state: { digest, customers } }
    await this.#log(changes, built)
    const flushedAt = this.parts.settings.wallClock()
    const followed = { stateOffset: this.#stateOffset, flushedAt, isPartial: false }
    await this.store.write(changes, encodeStored(built, digest, customers, followed))
  }

  async #log(changes: readonly StoreChange[], built: Position): Promise<void> {
    const { log, topics } = this.parts
    const { partition, generation } = this.place
    const transaction = log.begin(builderOf(partition))
    const common = { timestamp: built.logTime, headers: null }
    for (const { key, value } of changes) {
      const record = { key: key as Buffer, value: value as Buffer | null, ...common }
      transaction.append(topics.state, partition, record)
    }
    const key = Buffer.from(keyOf(generation))
    const value = Buffer.from(JSON.stringify(built))
    transaction.append(topics.generations, partition, { key, value, ...common })
    const committed = await transaction.commit()
    this.#stateOffset = committed.endOffset(topics.state, partition) ?? this.#stateOffset
  }
}
