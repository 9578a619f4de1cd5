/**
 * One simulated life of an engine: input that trickles in, faults, crashes, stops and starts, all
 * drawn from a seed, over memory adapters that survive a crash as a disk does.
 *
 * Nothing waits for the real clock: time goes on with the turns of the event loop, and so a seed
 * that fails fails again.
 */
import { partitionOf } from '../../src/events/partition.js'
import type { LogRecord, TimeBase } from '../../src/log/log.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import type { Position } from '../../src/operators/position.js'
import { openMemorySnapshots } from '../../src/snapshots/memory-snapshots.js'
import { MemoryStoreHome } from '../../src/state/memory-store.js'
import type { EngineSettings } from '../../src/topology/settings.js'
import { mapDifferences } from '../support/outputs.js'
import { type Random, seededRandom } from '../support/random.js'
import { storedState } from '../support/stored-state.js'
import { Durable } from './durable.js'
import { foldPartition } from './fold.js'
import { drawnSettings, Process } from './sim-process.js'
import { type Fate, injected, SimHome, SimLog, timersInTurns, turns } from './sim-adapters.js'
import type { SimApp } from './sim-app.js'

const day = 86_400_000

export interface Dangers {
  /** Chance that a step of an adapter fails. */
  readonly failure: number
  /** Chance that a step kills the process. */
  readonly crash: number
  /** Chance that a store is damaged between two processes. */
  readonly damage: number
}

/** What one life was like, for the summary of many. */
export interface Life {
  readonly faults: readonly string[]
  readonly starts: number
  readonly crashes: number
  readonly failures: number
  readonly harms: number
  readonly commits: number
  readonly redundant: number
}

/** Lives the life of a seed to its end and returns what was wrong. */
export async function live<S>(app: SimApp<S>, seed: number, dangers: Dangers): Promise<Life> {
  const restore = timersInTurns()
  try {
    return await new World(app, seed, dangers).live()
  } finally {
    restore()
  }
}

class World<S> {
  private readonly random: Random
  private readonly home = new MemoryStoreHome()
  private readonly snapshotHome = new MemoryStoreHome()
  private readonly settings: EngineSettings
  private readonly partitions: number
  private readonly timeBase: TimeBase
  private log: MemoryLog
  /** Event time, and wall time as the engine reads it. */
  private nowMs = 0
  private wallMs = 0
  private process: Process<S> | null = null
  private readonly told = { starts: 0, crashes: 0, failures: 0, harms: 0 }
  private asides = 0
  private calm = false
  /** What was durable between processes. */
  private readonly durable = new Durable()

  constructor(
    private readonly app: SimApp<S>,
    private readonly seed: number,
    private readonly dangers: Dangers,
  ) {
    this.random = seededRandom(seed)
    const { random } = this
    this.partitions = random.below(3) === 0 ? 2 : 1
    this.timeBase = random.below(2) === 0 ? { kind: 'none' } : { kind: 'wall' }
    this.settings = drawnSettings(random, () => (this.wallMs += random.below(5)))
    this.log = new MemoryLog({
      partitions: this.partitions,
      timeBase: this.timeBase,
      clock: () => this.nowMs,
      beforeReply: (id) => this.fateOfWriter(id, 'log.reply'),
      beforeDurable: (id) => this.fateOfWriter(id, 'log.commit'),
    })
  }

  async live(): Promise<Life> {
    const { random } = this
    const records = this.app.records(random)
    while (records.length > 0) {
      const portion = records.splice(0, 1 + random.below(60))
      await this.append(portion)
      await this.keepRunning()
      await turns(random.below(60))
      if (random.below(4) === 0) await this.process?.stop()
    }
    this.calm = true
    this.nowMs += random.below(40 * day)
    const atRest = await this.finish()
    const found = await this.faults()
    const faults = atRest ? found.faults : ['the engine did not come to rest', ...found.faults]
    return { ...found, faults, ...this.told }
  }

  /** A step of some adapter of a process. */
  async fate(step: string, process: Process<S>): Promise<void> {
    const { random, dangers } = this
    await turns(random.below(3))
    if (!process.alive) throw injected(`${step} of a dead process`)
    if (this.calm) return
    const draw = random.next()
    if (draw < dangers.crash) {
      this.crash()
      throw injected(step)
    }
    if (draw < dangers.crash + dangers.failure) {
      this.told.failures++
      throw injected(step)
    }
  }

  private async fateOfWriter(id: string, step: string): Promise<void> {
    if (id.startsWith('task-') && this.process !== null) await this.fate(step, this.process)
  }

  /** The end of the process: what was durable stays, and nothing that it still does counts. */
  private crash(): void {
    const { process } = this
    if (process === null) return
    this.told.crashes++
    process.alive = false
    this.process = null
    this.log = this.log.crash()
    this.home.crash()
    this.snapshotHome.crash()
    void process.stop()
  }

  private async append(records: readonly LogRecord[]): Promise<void> {
    for (const record of records) this.nowMs = Math.max(this.nowMs, record.timestamp)
    for (;;) {
      const { log } = this
      const transaction = log.begin('input')
      for (const record of records) {
        const due = record.key === null ? 0 : partitionOf(record.key, this.partitions)
        const partition = this.random.below(50) === 0 ? this.random.below(this.partitions) : due
        transaction.append(this.app.topics.events, partition, record)
      }
      try {
        await transaction.commit()
        return
      } catch (error) {
        // A crash of the engine has taken this writer along; nothing of it is in the log.
        if (log === this.log) throw error
      }
    }
  }

  /** Starts a process where there is none, and another one where it has failed. */
  private async keepRunning(): Promise<void> {
    if (this.process?.ended === true) {
      await this.process.stop()
      this.process = null
    }
    if (this.process !== null) return
    const { home, snapshotHome, partitions, app } = this
    const harmed = this.told.harms > 0
    await this.durable.look({ home, snapshotHome, partitions, codec: app.program.codec, harmed })
    const { random, dangers } = this
    if (random.next() < dangers.damage) {
      this.told.harms++
      if (random.below(2) === 0) this.snapshotHome.damage(0)
      else this.home.damage(random.below(this.partitions))
    }
    this.told.starts++
    const process = new Process(this.app, (text) => {
      if (text.includes('set aside')) this.asides++
    })
    this.process = process
    const fate: Fate = {
      at: (step) => this.fate(step, process),
      portion: (max) => 1 + random.below(max),
    }
    await process.start(
      {
        log: new SimLog(this.log, fate),
        home: new SimHome(this.home, fate, 'state'),
        snapshots: new SimHome(this.snapshotHome, fate, 'snapshots'),
      },
      { ...this.settings },
      // Half of the lives keep the state in the log too, as on Kafka.
      { incarnation: `process-${this.told.starts}`, logsState: this.seed % 2 === 0 },
      () => turns(random.below(40)),
    )
  }

  /** Without any danger: until everything is committed, at the last instant. */
  private async finish(): Promise<boolean> {
    for (let tries = 0; tries < 5000; tries++) {
      await this.keepRunning()
      // Asked before: timers may have become due by the very tick that came to the end.
      const atEnd = this.isAtEnd()
      const idle = await this.process?.idle()
      if (idle !== true || !atEnd || !(await this.process!.stop())) continue
      // A flush that has failed is told at the next commit, and the stop may come before it: the
      // store is behind then, and the next process lets it follow.
      if (this.told.failures === 0 || (await this.isStored())) return true
    }
    await this.process?.stop()
    return false
  }

  /** Whether each store holds what its partition has committed. */
  private async isStored(): Promise<boolean> {
    for (let partition = 0; partition < this.partitions; partition++) {
      const record = await this.log.last(this.app.topics.changelog, partition)
      if (record === null) continue
      const stored = await storedState(this.home, partition, this.app.program.codec)
      const { endOffset } = JSON.parse(String(record.value)) as Position
      if (stored?.position.endOffset !== endOffset) return false
    }
    return true
  }

  private isAtEnd(): boolean {
    if (this.process?.ended !== false) return false
    if (this.timeBase.kind === 'none') return true
    const { lagAllowanceMs } = this.settings
    const partitions = this.process?.engine?.status().partitions ?? []
    return partitions.every(({ asOf }) => (asOf ?? 0) >= this.nowMs - lagAllowanceMs)
  }

  private async faults(): Promise<Pick<Life, 'faults' | 'commits' | 'redundant'>> {
    const faults: string[] = []
    if (this.asides > this.told.harms) faults.push('a store was set aside that nobody had harmed')
    const snapshots = await openMemorySnapshots(this.snapshotHome)
    let [commits, redundant] = [0, 0]
    for (let partition = 0; partition < this.partitions; partition++) {
      const marks = this.durable.marks(partition)
      const folded = await foldPartition(this.log, this.app, partition, marks)
      faults.push(...folded.faults, ...this.durable.cursorFaults(folded.outputs))
      commits += folded.outputs.positions.length
      redundant += folded.redundant
      if (folded.outputs.positions.length === 0) continue
      const stored = await storedState(this.home, partition, this.app.program.codec)
      const [came, due] = [stored?.digest, folded.digest]
      if (came !== due) faults.push(`partition ${partition}: digest ${came} instead of ${due}`)
      if (stored?.customers !== folded.customers) {
        faults.push(
          `partition ${partition}: ${stored?.customers} customers, not ${folded.customers}`,
        )
      }
      const last = new Map(folded.outputs.pairs.map((pair) => [pair.customer, pair]))
      const text = (row: Uint8Array | null | undefined) => Buffer.from(row ?? []).toString('hex')
      const held = new Map<string, string>()
      const put = new Map<string, string>()
      for (const [customer, { bytes }] of last) {
        const snapshot = await snapshots.get(customer)
        held.set(customer, text(snapshot?.features) + text(snapshot?.score))
        put.set(customer, text(bytes.features) + text(bytes.score))
      }
      faults.push(...mapDifferences('snapshot', held, put))
    }
    await snapshots.close()
    return { faults, commits, redundant }
  }
}
