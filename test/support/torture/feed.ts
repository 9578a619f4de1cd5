/** A producer that goes on whatever happens to the brokers, at a steady rate. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Producer } from 'kafkajs'
import { kafkajs } from '../kafka-place.js'
import type { Placed } from '../kafka-round.js'
import { recordText } from './record-text.js'
import type { Stream } from './stream.js'

const everyMs = 50
/** Records in a request: the client takes quadratic time over many of one partition. */
const recordsMax = 2_000

export interface FeedOptions {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly stream: Stream
  readonly eventsPerSecond: number
}

export class Feed {
  /** How often each record was acknowledged, by its bytes. */
  readonly acknowledged = new Map<string, number>()
  /** Of the stream; the next one to be written. */
  events = 0
  private isEnding = false
  private readonly producer: Producer
  private readonly ended: Promise<void>

  constructor(private readonly options: FeedOptions) {
    this.producer = kafkajs([...options.brokers]).producer({ retry: { retries: 3 } })
    this.ended = this.run()
    this.ended.catch(() => undefined)
  }

  /** Resolves when all that was begun is acknowledged. */
  async end(): Promise<void> {
    this.isEnding = true
    await this.ended
  }

  private async run(): Promise<void> {
    const { eventsPerSecond, stream } = this.options
    let lastMs = performance.now()
    let due = 0
    while (!this.isEnding) {
      await sleep(everyMs)
      const nowMs = performance.now()
      // What a broker that was away has made late is not made up for at once.
      due = Math.min(due + ((nowMs - lastMs) / 1000) * eventsPerSecond, eventsPerSecond)
      lastMs = nowMs
      while (due >= 1) {
        const placed: Placed[] = []
        for (; due >= 1 && placed.length < recordsMax; due--)
          placed.push(...stream.at(this.events++))
        await this.write(placed)
      }
    }
    await this.producer.disconnect().catch(() => undefined)
  }

  /** Until it is acknowledged: what a lost answer doubles is doubled in the log then. */
  private async write(placed: readonly Placed[]): Promise<void> {
    const messages = placed.map(({ record, partition }) => ({
      key: record.key,
      value: record.value,
      partition,
      timestamp: String(record.timestamp),
    }))
    for (;;) {
      try {
        await this.producer.connect()
        await this.producer.send({ topic: this.options.topic, messages, acks: -1 })
        break
      } catch {
        await sleep(200)
      }
    }
    for (const { record, partition } of placed) {
      const text = recordText(partition, record)
      this.acknowledged.set(text, (this.acknowledged.get(text) ?? 0) + 1)
    }
  }
}
