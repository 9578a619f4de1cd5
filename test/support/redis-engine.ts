/** An engine over logs in memory whose snapshots are in a real Redis, and what is due there. */
import { onTestFinished } from 'vitest'
import { OutputTexts } from '../../src/events/output-texts.js'
import { partitionOf } from '../../src/events/partition.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import type { RedisAddress } from '../../src/snapshots/redis-address.js'
import { openRedisSnapshots } from '../../src/snapshots/redis-open.js'
import type { RedisStoreOptions } from '../../src/snapshots/redis-options.js'
import type { RedisSnapshots } from '../../src/snapshots/redis-snapshots.js'
import { type RunningEngine, startEngine } from '../../src/topology/engine.js'
import { followSnapshots } from '../../src/topology/follow-snapshots.js'
import { committedPosition } from '../../src/topology/committed-position.js'
import { mapDifferences, readOutputs } from './outputs.js'
import type { RedisServer } from './redis-server.js'
import { addDue, heldView } from './redis-view.js'
import { seededRandom } from './random.js'
import { testTopology } from './topology.js'

const start = Date.UTC(2024, 0, 1)
const minute = 60_000

/** Impatient, so that tests are not slow. */
const impatient = { checkEveryMs: 50, pauseMsMax: 100, awayMsMax: 500, silenceMsMax: 500 }

export class RedisEngine {
  readonly notes: string[] = []
  refills = 0
  /** What is put again waits for it. */
  gate: Promise<void> = Promise.resolve()
  readonly #random = seededRandom(7)
  #events = 0
  #engine: RunningEngine | null = null
  #snapshots: RedisSnapshots | null = null
  readonly #topology

  private constructor(
    readonly address: RedisAddress,
    readonly log: MemoryLog,
    readonly options: Partial<RedisStoreOptions>,
  ) {
    this.#topology = testTopology(log, { idleWaitMs: 2 })
  }

  static async start(
    address: RedisAddress,
    options: Partial<RedisStoreOptions> = {},
  ): Promise<RedisEngine> {
    const log = new MemoryLog({ timeBase: { kind: 'none' }, partitions: 2 })
    const engine = new RedisEngine(address, log, options)
    await engine.startAgain()
    onTestFinished(() => engine.stop())
    return engine
  }

  get snapshots(): RedisSnapshots {
    return this.#snapshots!
  }

  async startAgain(): Promise<void> {
    const { log } = this
    const { parts } = this.#topology
    this.#snapshots = await openRedisSnapshots(this.address, {
      app: 'test',
      generation: '1',
      rows: new OutputTexts(parts.layout),
      log: {
        id: log.id,
        partitions: 2,
        committed: async (partition) => (await committedPosition(parts, partition))?.commit ?? -1,
      },
      refill: async (partition, sink) => {
        this.refills++
        await this.gate
        const committed = await committedPosition(parts, partition)
        if (committed === null) return
        await followSnapshots({ ...parts, log, snapshots: sink }, partition, committed)
      },
      note: (text) => this.notes.push(text),
      ...impatient,
      ...this.options,
    })
    const identity = { app: 'test', synthetic: true }
    this.#engine = startEngine({ ...parts, snapshots: this.#snapshots }, identity)
  }

  /** Appends so many events of customers drawn from 500, and waits until they are committed. */
  async hit(events: number): Promise<void> {
    const transaction = this.log.begin('producer')
    for (let left = events; left > 0; left--) {
      const customer = `c${this.#random.below(500)}`
      const at = start + this.#events++ * minute
      const body = { event_id: `e${at}`, customer_id: customer, occurred_at: at }
      this.#append(transaction, customer, Buffer.from(JSON.stringify(body)), at)
    }
    await transaction.commit()
    await this.#engine!.idle()
  }

  async erase(customer: string): Promise<void> {
    const transaction = this.log.begin('producer')
    this.#append(transaction, customer, null, start + this.#events++ * minute)
    await transaction.commit()
    await this.#engine!.idle()
  }

  async stop(): Promise<void> {
    await this.#engine?.stop()
    this.#engine = null
    await this.#snapshots?.close()
    this.#snapshots = null
  }

  /**
   * Where what any client reads of the servers is not what the log says, or not yet proved to be:
   * empty as soon as they agree, for which it waits.
   */
  async differences(...servers: readonly RedisServer[]): Promise<string[]> {
    const due = await this.#due()
    if (due.size < 100) return [`only ${due.size} customers were put out`]
    const until = performance.now() + 20_000
    for (;;) {
      const faults = await this.#faults(due, servers)
      if (faults.length === 0 || performance.now() > until) return faults
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async #faults(
    due: ReadonlyMap<string, string>,
    servers: readonly RedisServer[],
  ): Promise<string[]> {
    const { behind, failure } = this.snapshots.status()
    if (failure !== null || behind.length > 0) return [`${failure}, behind: ${behind.join()}`]
    const faults = mapDifferences('hash', await heldView(servers, 'test:1:customer:'), due)
    for (const partition of [0, 1]) {
      const committed = await committedPosition(this.#topology.parts, partition)
      const cursor = await this.snapshots.cursor(partition)
      if (cursor?.commit === committed!.commit) continue
      faults.push(`cursor of ${partition}: ${cursor?.commit} instead of ${committed!.commit}`)
    }
    return faults
  }

  /** What each customer's hash has to say, as text; an erased one's tombstone too. */
  async #due(): Promise<Map<string, string>> {
    const { topics, layout } = this.#topology.parts
    const due = new Map<string, string>()
    for (const partition of [0, 1]) {
      const { pairs } = await readOutputs(this.log, topics, partition, layout)
      addDue(due, partition, pairs)
    }
    return due
  }

  #append(
    transaction: ReturnType<MemoryLog['begin']>,
    customer: string,
    value: Buffer | null,
    timestamp: number,
  ): void {
    const key = Buffer.from(customer)
    const record = { key, value, timestamp, headers: null }
    transaction.append('test.events', partitionOf(key, 2), record)
  }
}
