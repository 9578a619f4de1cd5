/**
 * What comes into the topics of a torture: the events of W1 as the churn app knows them, and what a
 * real source has too: repeated and late ones, erasures, bytes that are no event, other partitioners.
 * Any part of it can be made alone from its number.
 */
import { churnEvent } from '../../../bench/support/w1-as-churn.js'
import { W1 } from '../../../bench/support/w1.js'
import { partitionOf } from '../../../src/events/partition.js'
import type { EventCodec } from '../../../src/events/event.js'
import { type GeneratedEvent, recordOf } from '../../../src/ingest/generator/generated.js'
import type { Placed } from '../kafka-round.js'
import { seededRandom } from '../random.js'

const day = 86_400_000
const origin = Date.UTC(2023, 0, 1)

export interface StreamOptions {
  readonly seed: number
  readonly partitions: number
  /** The r-th customer is 1/r as frequent as the first. */
  readonly customers: number
  /** Event time between two events, in ms. */
  readonly stepMs: number
  readonly codec: EventCodec
}

export class Stream {
  private readonly w1: W1

  constructor(private readonly options: StreamOptions) {
    this.w1 = new W1(options.customers)
  }

  /** The records of the `i`-th event: itself, and now and then one more. */
  at(i: number): Placed[] {
    const { seed, partitions, stepMs, codec } = this.options
    const random = seededRandom(Math.imul(seed, 1_000_003) + i)
    const event = this.w1.event(seed * 10_000_000 + i)
    const timestamp = origin + i * stepMs
    const occurredAt = timestamp - (random.below(20) === 0 ? random.below(3_600_000) : 0)
    const made = churnEvent({ ...event, occurred_at: occurredAt })
    const whole: GeneratedEvent = { ...made, timestamp, damage: null }
    const record = recordOf(whole, codec)
    const due = partitionOf(record.key!, partitions)
    const more: Placed[] = []
    switch (random.below(250)) {
      case 0:
        more.push({ record: { ...record, value: null }, partition: due })
        break
      case 1:
        more.push({ record, partition: due })
        break
      case 2: {
        const { body } = made
        const late = { event_id: `${body.event_id}-late`, occurred_at: occurredAt - 400 * day }
        const lateEvent = { ...whole, body: { ...body, ...late } }
        more.push({ record: recordOf(lateEvent, codec), partition: due })
        break
      }
      case 3:
        more.push({ record: { ...record, value: Buffer.from(`no event ${i}`) }, partition: due })
        break
      case 4:
        return [{ record, partition: (due + 1) % partitions }]
    }
    return [{ record, partition: due }, ...more]
  }
}
