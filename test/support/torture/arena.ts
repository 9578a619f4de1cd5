/**
 * Where a round takes place: topics of its own on the servers, workers in slots that each have a disk,
 * a producer and a reader of committed records that both run all the time.
 */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { heldStores } from '../../../src/cli/held-stores.js'
import { KafkaLog } from '../../../src/log/kafka-log.js'
import { topicsOf, type Topics } from '../../../src/log/log.js'
import type { Position } from '../../../src/operators/position.js'
import { copyDatabase } from '../../../src/state/level-copy.js'
import { LevelStoreHome } from '../../../src/state/level-store-home.js'
import { runBinary } from '../binary.js'
import { app } from '../kill/churn-parts.js'
import { Feed } from './feed.js'
import { Follower } from './follower.js'
import type { Servers } from './servers.js'
import { Stream } from './stream.js'
import { Worker } from './worker.js'

export interface ArenaOptions {
  readonly seed: number
  readonly servers: Servers
  /** Where workers find the brokers. @default those of the servers */
  readonly workerBrokers?: readonly string[]
  /** @default 3 */
  readonly slots?: number
  /** @default 8 */
  readonly partitions?: number
  /** @default 300 */
  readonly eventsPerSecond?: number
  /** @default 2_000 */
  readonly customers?: number
  /** @default 2_000 */
  readonly sessionMs?: number
}

/** A worker with a disk that was there before it: a full restore would be one too many. */
interface Started {
  readonly worker: Worker
  /** Where its disk's stores lie as they were before it. */
  readonly before: string
}

const successor = fileURLToPath(new URL('successor.sh', import.meta.url))

/** How long the workers may take to come to rest; what is stuck is stuck for longer. */
const restMsMax = 600_000
const stopMsMax = 180_000

export class Arena {
  readonly topics: Topics
  readonly started: Started[] = []
  feed!: Feed
  log!: KafkaLog
  follower!: Follower

  private constructor(
    readonly options: Required<ArenaOptions>,
    readonly folder: string,
    readonly prefix: string,
  ) {
    this.topics = topicsOf(`${prefix}${app.name}`)
  }

  static async open(options: ArenaOptions): Promise<Arena> {
    const all = {
      workerBrokers: options.servers.brokers,
      slots: 3,
      partitions: 8,
      eventsPerSecond: 300,
      customers: 2_000,
      sessionMs: 2_000,
      ...options,
    }
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-torture-'))
    const arena = new Arena(all, folder, `t${randomUUID().slice(0, 8)}-`)
    try {
      await arena.begin()
      return arena
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  private async begin(): Promise<void> {
    const { servers, slots, partitions, workerBrokers } = this.options
    for (let slot = 0; slot < slots; slot++) await this.configure(slot, workerBrokers)
    // Of the reader: beside those of the workers, and past whatever lies between them and the brokers.
    await this.configure('reader', servers.brokers)
    const args = ['--config', this.configOf('reader'), '--partitions', String(partitions)]
    const made = await runBinary(['topics', 'create', ...args])
    if (made.exit !== 0) throw new Error(`topics create ended with ${made.exit}: ${made.stderr}`)
    this.log = await KafkaLog.open({
      brokers: servers.brokers,
      topics: Object.values(this.topics),
      timeBase: { kind: 'none' },
      fetchWaitMs: 100,
      patienceMs: 300_000,
    })
    this.follower = new Follower(this.log, [this.topics.features, this.topics.scores])
    this.feed = new Feed({
      brokers: servers.brokers,
      topic: this.topics.events,
      eventsPerSecond: this.options.eventsPerSecond,
      stream: new Stream({
        seed: this.options.seed,
        partitions,
        customers: this.options.customers,
        stepMs: 20_000,
        codec: app.codec,
      }),
    })
  }

  configOf(slot: number | 'reader'): string {
    return join(this.folder, `slot-${slot}.yaml`)
  }

  diskOf(slot: number | 'reader'): string {
    return join(this.folder, `slot-${slot}`)
  }

  /** YAML, of which JSON is a part. */
  private async configure(slot: number | 'reader', brokers: readonly string[]): Promise<void> {
    const { sessionMs, servers } = this.options
    const config = {
      data: this.diskOf(slot),
      kafka: {
        brokers,
        topicPrefix: this.prefix,
        timeBase: 'none',
        sessionMs,
        heartbeatMs: Math.round(sessionMs / 8),
      },
      redis: { url: servers.redisUrl, keyPrefix: this.prefix.slice(0, -1) },
      http: { port: 0 },
      limits: { hotBytesMax: 1024 * 1024 },
    }
    await writeFile(this.configOf(slot), JSON.stringify(config))
  }

  async start(slot: number, failpoint: string | null = null): Promise<Worker> {
    // To open them here would hold up who is to be back at once.
    const before = await mkdtemp(join(this.folder, 'before-'))
    await copyStores(this.storesOf(slot), before)
    return this.run(slot, before, failpoint)
  }

  /** Kills a worker; who takes its place is there at once, however busy this process is. */
  async succeed(worker: Worker): Promise<Worker> {
    const { slot, pid, isRunning } = worker
    // Its number may be another process's by now.
    if (!isRunning) return this.start(slot)
    const before = await mkdtemp(join(this.folder, 'before-'))
    const by = ['/bin/sh', successor, String(pid), this.storesOf(slot), before]
    return this.run(slot, before, null, by)
  }

  private run(slot: number, before: string, failpoint: string | null, by?: string[]): Worker {
    const worker = new Worker(slot, this.configOf(slot), failpoint, by)
    this.started.push({ worker, before })
    return worker
  }

  private storesOf(slot: number): string {
    return join(this.diskOf(slot), 'state')
  }

  /** Partitions of which the disk of a worker had a store before it was started. */
  async held({ before }: Started): Promise<Set<number>> {
    return new Set((await heldStores(new LevelStoreHome(before, 'state'), this.log.id)).keys())
  }

  async wipe(slot: number): Promise<void> {
    await rm(this.diskOf(slot), { recursive: true, force: true })
    await mkdir(this.diskOf(slot))
  }

  async positions(): Promise<(Position | null)[]> {
    const all = Array.from({ length: this.options.partitions }, async (_, partition) => {
      const record = await this.log.last(this.topics.changelog, partition)
      return record === null ? null : (JSON.parse(String(record.value)) as Position)
    })
    return Promise.all(all)
  }

  /** Partitions of which not everything is committed, all due timers served. */
  async behind(): Promise<number[]> {
    const behind: number[] = []
    for (const [partition, position] of (await this.positions()).entries()) {
      const end = await this.log.endOffset(this.topics.events, partition)
      const isDone =
        position !== null &&
        position.endOffset === end &&
        position.timers.instant === position.asOf &&
        position.timers.customer === null
      if (!isDone && (end > 0 || position !== null)) behind.push(partition)
    }
    return behind
  }

  /** Until the running workers have committed everything. Returns how long that took, in ms. */
  async rest(): Promise<number> {
    const startedMs = performance.now()
    for (;;) {
      const behind = await this.behind()
      const tookMs = performance.now() - startedMs
      if (behind.length === 0) return tookMs
      const ended = this.started.filter(({ worker }) => worker.isRunning).length === 0
      if (tookMs > restMsMax || ended) {
        const notes = this.started.slice(-3).map(({ worker }) => lastOf(worker.notes))
        const why = ended ? 'no worker runs any more' : `not at rest after ${restMsMax / 1000} s`
        throw new Error(`${why}: partitions ${behind.join()}; ${notes.join('\n---\n')}`)
      }
      await sleep(200)
    }
  }

  /** Tells the workers to stop, of which one runs in each slot; answers what was wrong with that. */
  async stopWorkers(): Promise<string[]> {
    const faults: string[] = []
    for (let slot = 0; slot < this.options.slots; slot++) {
      const worker = this.started.findLast((one) => one.worker.slot === slot)?.worker
      if (worker === undefined) continue
      const how = worker.isRunning ? 'told to stop' : 'by itself'
      worker.signal('SIGTERM')
      const tooLong = sleep(stopMsMax, null, { ref: false })
      const end = await Promise.race([worker.ended, tooLong])
      if (end?.exit === 0 && how === 'told to stop') continue
      if (end === null) await worker.end()
      const code = end === null ? 'nothing' : (end.exit ?? end.signal)
      const text = `the worker of slot ${slot} ended ${how} with ${code}`
      faults.push(`${text}: ${worker.notes.slice(-2_000)}`)
    }
    return faults
  }

  /** Also where the round has failed: nothing that it started is left. */
  async close(): Promise<void> {
    for (const { worker } of this.started) await worker.end()
    await this.feed?.end()
    await this.log?.close()
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** Of stores that nobody has open. One that its process was only about to make is left out. */
async function copyStores(directory: string, copy: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const store = join(directory, name)
    if (!/^\d+$/.test(name) || !existsSync(join(store, 'CURRENT'))) continue
    await copyDatabase(store, join(copy, name))
  }
}

/** The last of what a worker said, the line of its status but once. */
function lastOf(notes: string): string {
  const lines = notes.split('\n')
  const told = lines.filter((line) => !line.startsWith('running '))
  const status = lines.findLast((line) => line.startsWith('running ')) ?? ''
  return `${told.join('\n').slice(-6_000)}\n${status}`
}
