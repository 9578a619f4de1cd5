/**
 * Lets the made-up business live into the log: its past at once, then at the pace of the log's
 * virtual clock.
 *
 * The events of a span are a function of the seed, and each transaction also stores how far it
 * has come, so a restart goes on with exactly the next event.
 */
import type { App } from '../features/app.js'
import { partitionOf } from '../events/partition.js'
import type { EventLog, Transaction } from '../log/log.js'
import { topicsOf } from '../log/log.js'
import { Business } from './generator/business.js'
import { type GeneratedEvent, recordOf } from './generator/generated.js'

const day = 86_400_000
/** The history that is there when the virtual clock starts. */
export const preloadDays = 120
/** One day in 20 seconds. */
export const defaultSpeed = 4320

/** Events that a transaction holds at most, about. */
const spanEvents = 4000

const runKey = Buffer.from('generator')

/** How a log was filled so far, as its last transaction left it. */
export interface GeneratorRun {
  readonly seed: number
  readonly eventsPerDay: number
  /** Midnight UTC at which the business begins. */
  readonly beginMs: number
  /** Events before it are all in the log (record timestamps, ms UTC). */
  readonly throughMs: number
}

export interface GenerateOptions {
  readonly app: App
  readonly log: EventLog
  readonly run: GeneratorRun
  readonly stop: AbortSignal
  /** Told how many days of the past are in, of how many. */
  onPreload(daysDone: number, days: number): void
  readonly sleep: (ms: number, stop: AbortSignal) => Promise<void>
}

/** Appends the business's events to the log; its promise is `lowWatermark`. */
export class Generator {
  private through: number
  private readonly business: Business

  constructor(private readonly options: GenerateOptions) {
    const { seed, eventsPerDay, beginMs, throughMs } = options.run
    this.business = new Business({ seed, originMs: beginMs, eventsPerDay })
    this.through = throughMs
  }

  /** Every event before this instant is in the log. */
  lowWatermark(): number {
    return this.through
  }

  /** Brings in what is before `originMs`, then follows the log's clock until told to stop. */
  async run(originMs: number): Promise<void> {
    const { log, stop, run } = this.options
    const days = Math.ceil((originMs - run.beginMs) / day)
    while (this.through < originMs && !stop.aborted) {
      await this.append(Math.min(originMs, this.nextBorder()))
      this.options.onPreload(Math.max(0, Math.floor((this.through - run.beginMs) / day)), days)
    }
    while (!stop.aborted) {
      const now = log.now()!
      if (now > this.through) await this.append(Math.min(now, this.nextBorder()))
      if (now <= this.nextBorder()) await this.options.sleep(50, stop)
    }
  }

  /** Spans end at fixed borders, with a few thousand events each, or at now. */
  private nextBorder(): number {
    const { beginMs, eventsPerDay } = this.options.run
    if (this.through < beginMs) return beginMs
    const spanMs = Math.max(1000, Math.floor(day / Math.ceil(eventsPerDay / spanEvents)))
    return (Math.floor(this.through / spanMs) + 1) * spanMs
  }

  /** One span is one transaction, with the note of how far it came: events appear exactly once. */
  private async append(toMs: number): Promise<void> {
    const { app, log, run } = this.options
    const topics = topicsOf(app.name)
    const transaction = log.begin('generator')
    for (const batch of this.business.between(this.through, toMs)) {
      for (const event of batch) this.add(transaction, topics.events, event)
    }
    const value = Buffer.from(JSON.stringify({ ...run, throughMs: toMs }))
    transaction.append(topics.ingests, 0, { key: runKey, value, timestamp: toMs, headers: null })
    await transaction.commit()
    this.through = toMs
  }

  private add(transaction: Transaction, topic: string, event: GeneratedEvent): void {
    const record = recordOf(event, this.options.app.codec)
    const partitions = this.options.log.partitions(topic)
    const partition = record.key === null ? 0 : partitionOf(record.key, partitions)
    transaction.append(topic, partition, record)
  }
}

/** How far a log's generator came; null where there was none. */
export async function generatorRun(log: EventLog, app: string): Promise<GeneratorRun | null> {
  const last = await log.last(topicsOf(app).ingests, 0)
  if (last === null || last.key?.toString() !== 'generator') return null
  return JSON.parse(last.value!.toString()) as GeneratorRun
}
