/**
 * Workload W1: a stream of customer events that any engine can be measured with. Any event can be
 * made alone from its number, so two engines need not share a file.
 */
import avsc from 'avsc'
import { partitionOf } from '../../src/events/partition.js'
import type { EventLog } from '../../src/log/log.js'

const plans = [
  'free-tier-eur-2024-edition-v1',
  'basic-monthly-eur-2024-edition-v1',
  'plus-annual-eur-2024-edition-v1',
  'premium-annual-family-eur-2024-edition-v1',
]
export const w1Types = ['SESSION', 'CONTENT', 'PAYMENT', 'SUPPORT', 'PLAN_CHANGE'] as const
const start = 1_672_531_200_000

export interface W1Event {
  event_id: string
  customer_id: string
  type: (typeof w1Types)[number]
  occurred_at: number
  duration_s: number
  amount: number
  ok: boolean
  plan: string
}

export const w1Schema = avsc.Type.forSchema({
  type: 'record',
  name: 'w1',
  fields: [
    { name: 'event_id', type: 'string' },
    { name: 'customer_id', type: 'string' },
    { name: 'type', type: { type: 'enum', name: 'w1_type', symbols: [...w1Types] } },
    { name: 'occurred_at', type: 'long' },
    { name: 'duration_s', type: 'double' },
    { name: 'amount', type: 'double' },
    { name: 'ok', type: 'boolean' },
    { name: 'plan', type: 'string' },
  ],
})

/** Events over `ranks` customers, the r-th of them 1/r as frequent as the first. */
export class W1 {
  private readonly cdf: Float64Array
  private a = 0

  constructor(readonly ranks = 100_000) {
    this.cdf = new Float64Array(ranks)
    let sum = 0
    for (let k = 1; k <= ranks; k++) this.cdf[k - 1] = sum += 1 / k
  }

  event(i: number): W1Event {
    this.a = (20_260_101 + Math.imul(10 * i, 0x6d2b79f5)) | 0
    const [uc, ut, ul, ud, us, am, uo, up] = [
      this.u(), this.u(), this.u(), this.u(), this.u(), this.u(), this.u(), this.u(),
    ] // prettier-ignore
    const [h1, h2] = [this.draw(), this.draw()]
    const no = (this.rank(uc) * 7919) % this.ranks
    const type = typeOf(ut)
    const late = ul < 0.05 ? Math.floor(ud * 3_600_000) : 0
    return {
      event_id: `${hex(i, 8)}-${hex(h1, 8)}-${hex(h2 & 0xffffff, 6)}`,
      customer_id: `c${String(no).padStart(7, '0')}`,
      type,
      occurred_at: start + i * 5184 - late,
      duration_s: type === 'SESSION' ? 30 + 1770 * us : type === 'CONTENT' ? 10 + 590 * us : 0,
      amount: type === 'PAYMENT' ? 5 + 95 * am : 0,
      ok: !(type === 'PAYMENT' && uo < 0.08),
      plan: plans[type === 'PLAN_CHANGE' ? Math.floor(4 * up) : no % 4],
    }
  }

  /** The record value: registry header and Avro. */
  encode(event: W1Event): Buffer {
    return Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), w1Schema.toBuffer(event)])
  }

  private rank(uc: number): number {
    const target = uc * this.cdf[this.ranks - 1]
    let low = 0
    let high = this.ranks - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.cdf[middle] >= target) high = middle
      else low = middle + 1
    }
    return low
  }

  /** mulberry32. */
  private draw(): number {
    this.a = (this.a + 0x6d2b79f5) | 0
    let t = Math.imul(this.a ^ (this.a >>> 15), 1 | this.a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }

  private u(): number {
    return this.draw() / 4_294_967_296
  }
}

function typeOf(ut: number): W1Event['type'] {
  if (ut < 0.6) return 'SESSION'
  if (ut < 0.85) return 'CONTENT'
  if (ut < 0.92) return 'PAYMENT'
  return ut < 0.97 ? 'SUPPORT' : 'PLAN_CHANGE'
}

const hex = (value: number, digits: number): string =>
  (value >>> 0).toString(16).padStart(digits, '0')

/** Appends the first `events` events to a topic, so many a transaction. */
export async function fillW1(
  log: EventLog,
  topic: string,
  events: number,
  perTransaction: number,
): Promise<void> {
  const w1 = new W1()
  const partitions = log.partitions(topic)
  for (let i = 0; i < events;) {
    const transaction = log.begin('w1')
    for (const end = Math.min(events, i + perTransaction); i < end; i++) {
      const event = w1.event(i)
      const key = Buffer.from(event.customer_id)
      const record = { key, value: w1.encode(event), timestamp: Date.now(), headers: null }
      transaction.append(topic, partitionOf(key, partitions), record)
    }
    await transaction.commit()
  }
}
