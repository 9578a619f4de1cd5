/**
 * The memory adapters as one process sees them: whatever is asked takes a few turns of the event
 * loop, may fail, and fails for ever once the process is dead. Everything is drawn from a seed.
 */
import { exitCode, TidemarkError } from '../../src/errors.js'
import type { EventLog, LogReader, Poll, StoredRecord, Transaction } from '../../src/log/log.js'
import type { MemoryLog } from '../../src/log/memory-log.js'
import type { MemoryStoreHome } from '../../src/state/memory-store.js'
import type { Store, StoreChange, StoreHome, StoreView } from '../../src/state/store.js'

/** What decides at each step of an adapter: it waits, throws, or kills the process. */
export interface Fate {
  /** `step` names what is about to be done. */
  at(step: string): Promise<void>
  /** How many of at most `max` records a poll hands over. */
  portion(max: number): number
}

export function turns(count: number): Promise<void> {
  return new Promise((resolve) => {
    const turn = (left: number): void => {
      if (left <= 0) resolve()
      else setImmediate(turn, left - 1)
    }
    turn(count)
  })
}

/**
 * Lets the pauses of RxJS (before a recovery) last a turn of the event loop instead of real time,
 * what is asked every half second not happen, and the stopwatch count how often it is looked at:
 * else a seed would not live the same life again. Returns how to take that back.
 */
export function timersInTurns(): () => void {
  const { setInterval: set, clearInterval: clear } = globalThis
  const running = new Set<object>()
  const start = (run: () => void, ms = 0): object => {
    const handle = { unref: () => handle }
    running.add(handle)
    const turn = (): void => {
      if (!running.has(handle)) return
      run()
      setImmediate(turn)
    }
    if (ms < 100) setImmediate(turn)
    return handle
  }
  let looks = 0
  const ownNow = Object.getOwnPropertyDescriptor(performance, 'now')
  const now = { value: () => looks++, configurable: true, writable: true }
  Object.defineProperty(performance, 'now', now)
  globalThis.setInterval = start as typeof setInterval
  globalThis.clearInterval = ((handle: object) => running.delete(handle)) as typeof clearInterval
  return () => {
    // A dead process waits on in vain: who takes its timers back now finds the real ones.
    running.clear()
    globalThis.setInterval = set
    globalThis.clearInterval = clear
    if (ownNow === undefined) Reflect.deleteProperty(performance, 'now')
    else Object.defineProperty(performance, 'now', ownNow)
  }
}

export function injected(step: string): TidemarkError {
  return new TidemarkError('INJECTED', `${step} failed`, { exit: exitCode.io, retry: 'now' })
}

/** The log of one process over the log that outlives it. */
export class SimLog implements EventLog {
  constructor(
    private readonly log: MemoryLog,
    private readonly fate: Fate,
  ) {}

  get id(): string {
    return this.log.id
  }

  get timeBase() {
    return this.log.timeBase
  }

  now(): number | null {
    return this.log.now()
  }

  partitions(topic: string): number {
    return this.log.partitions(topic)
  }

  startOffset(topic: string, partition: number): Promise<number> {
    return this.log.startOffset(topic, partition)
  }

  async endOffset(topic: string, partition: number): Promise<number> {
    await this.fate.at('log.endOffset')
    return this.log.endOffset(topic, partition)
  }

  reader(topic: string, partition: number, fromOffset: number): LogReader {
    return new SimReader(this.log.reader(topic, partition, fromOffset), this.fate)
  }

  async last(topic: string, partition: number): Promise<StoredRecord | null> {
    await this.fate.at('log.last')
    return this.log.last(topic, partition)
  }

  erasures(topic: string, partition: number, endOffset: number) {
    return this.log.erasures(topic, partition, endOffset)
  }

  begin(id: string): Transaction {
    return this.log.begin(id)
  }

  async fence(id: string): Promise<void> {
    await this.fate.at('log.fence')
    await this.log.fence(id)
  }

  close(): Promise<void> {
    return this.log.close()
  }
}

class SimReader implements LogReader {
  constructor(
    private readonly reader: LogReader,
    private readonly fate: Fate,
  ) {}

  get nextOffset(): number {
    return this.reader.nextOffset
  }

  async poll(recordsMax: number): Promise<Poll> {
    await this.fate.at('log.poll')
    return this.reader.poll(this.fate.portion(recordsMax), 0)
  }

  close(): Promise<void> {
    return this.reader.close()
  }
}

/** Stores of one process over the disk that outlives it. */
export class SimHome implements StoreHome {
  constructor(
    private readonly home: MemoryStoreHome,
    private readonly fate: Fate,
    private readonly name: string,
  ) {}

  async open(partition: number): Promise<Store> {
    await this.fate.at(`${this.name}.open`)
    return new SimStore(await this.home.open(partition), this.fate, this.name)
  }

  async setAside(partition: number, reason: string): Promise<string> {
    await this.fate.at(`${this.name}.before-set-aside`)
    const aside = await this.home.setAside(partition, reason)
    await this.fate.at(`${this.name}.after-set-aside`)
    return aside
  }
}

class SimStore implements Store {
  constructor(
    private readonly store: Store,
    private readonly fate: Fate,
    private readonly name: string,
  ) {}

  position(): Promise<Uint8Array | null> {
    return this.store.position()
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    await this.fate.at(`${this.name}.read`)
    return this.store.getMany(keys)
  }

  async write(changes: readonly StoreChange[], position: Uint8Array): Promise<void> {
    await this.fate.at(`${this.name}.before-write`)
    await this.store.write(changes, position)
    await this.fate.at(`${this.name}.after-write`)
  }

  async view(): Promise<StoreView> {
    const view = await this.store.view()
    return {
      position: view.position,
      scan: () => this.scanned(view),
      check: () => view.check(),
      close: () => view.close(),
    }
  }

  private async *scanned(view: StoreView) {
    for await (const portion of view.scan()) {
      await this.fate.at(`${this.name}.scan`)
      yield portion
    }
  }

  close(): Promise<void> {
    return this.store.close()
  }
}
