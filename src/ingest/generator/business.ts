/**
 * A made-up subscription business: the events of some thousand customers, for ever, from a seed.
 *
 * G1 the same options give the same events, however the span is cut into calls.
 * G2 events come in the order of their record timestamps, and none before it happened.
 * G3 whoever leaves is followed by another: the base keeps its size.
 *
 * Everything is a function of seed and virtual time; no clock is read.
 */
import type { EventBody } from '../../events/event.js'
import { damages, type GeneratedEvent } from './generated.js'
import { DAY } from './interest.js'
import { Life } from './life.js'
import type { Random } from './random.js'
import { spanOf, zones } from './rhythm.js'

export interface BusinessOptions {
  readonly seed: number
  /** How large the base is at any time; default 5,000. */
  readonly customers?: number
  /** Midnight UTC from which on the business is lived, in ms; sign-ups are up to 730 d older. */
  readonly originMs: number
  /** About how many events happen a day; default 0.4 for each customer. */
  readonly eventsPerDay?: number
}

/** Events a day and customer that do not depend on how busy the business is: bills, mostly. */
const STEADY_EVENTS = 0.05
/** Events of a visit, with the content that follows it, at the mean interest of the base. */
const EVENTS_PER_VISIT = 1.41
/** The mean activity of a base in which some fade, some pause and some places are empty. */
const MEAN_ACTIVITY = 0.84

const SIGN_UP_MS = 730 * DAY
/** A step makes about so many events at once, so that a live caller is never held up for long. */
const STEP_EVENTS = 4_000
const BATCH_EVENTS = 1_024

const DUPLICATE_CHANCE = 0.01
const DELAY_CHANCE = 0.05
/** Content that was consumed without a connection, and is told of weeks later. */
const OFFLINE_CHANCE = 0.0008
const BROKEN_CHANCE = 0.0015

const HOUR = 3_600_000

/**
 * @example
 * const business = new Business({ seed: 1, originMs: Date.UTC(2025, 0, 1) })
 * for (const batch of business.between(business.beginMs, business.originMs + 120 * 86_400_000)) …
 */
export class Business {
  readonly originMs: number
  /** The first sign-up is not before it. */
  readonly beginMs: number
  private readonly seed: number
  private readonly customers: number
  private readonly visitsPerDay: number
  private readonly stepMs: number
  private stream: Iterator<GeneratedEvent>
  private next: GeneratedEvent
  /** Everything before it has been handed out or passed over. */
  private position = -Infinity

  constructor(options: BusinessOptions) {
    this.originMs = Math.floor(options.originMs / DAY) * DAY
    this.beginMs = this.originMs - SIGN_UP_MS
    this.seed = options.seed
    this.customers = options.customers ?? 5_000
    const eventsPerDay = options.eventsPerDay ?? 0.4 * this.customers
    const visitEvents = Math.max(eventsPerDay / this.customers - STEADY_EVENTS, 0.02)
    this.visitsPerDay = visitEvents / (EVENTS_PER_VISIT * MEAN_ACTIVITY)
    const steps = Math.min(Math.max(Math.round(eventsPerDay / STEP_EVENTS), 1), 1_440)
    // Steps end with days; a minute is the shortest.
    this.stepMs = DAY / divisorNear(steps)
    this.stream = this.events()
    this.next = this.pull()
  }

  /**
   * The events of [fromMs, toMs) by record timestamp, in order. One call at a time; to go back is
   * to begin anew and costs all the time before.
   */
  *between(fromMs: number, toMs: number): Generator<readonly GeneratedEvent[], void> {
    if (fromMs < this.position) {
      this.stream = this.events()
      this.next = this.pull()
    }
    while (this.next.timestamp < fromMs) this.next = this.pull()
    this.position = fromMs
    let batch: GeneratedEvent[] = []
    while (this.next.timestamp < toMs) {
      batch.push(this.next)
      this.position = this.next.timestamp + 1
      this.next = this.pull()
      if (batch.length < BATCH_EVENTS) continue
      yield batch
      batch = []
    }
    this.position = Math.max(this.position, toMs)
    if (batch.length > 0) yield batch
  }

  private pull(): GeneratedEvent {
    return this.stream.next().value as GeneratedEvent
  }

  /** All events, step by step; what is told of late waits in the step in which it arrives. */
  private *events(): Generator<GeneratedEvent, void> {
    const waiting = new Map<number, GeneratedEvent[]>()
    const wait = (event: GeneratedEvent): void => {
      const step = Math.max(Math.floor((event.timestamp - this.originMs) / this.stepMs), -1)
      const list = waiting.get(step)
      if (list === undefined) waiting.set(step, [event])
      else list.push(event)
    }
    const sink = (type: string, body: EventBody, random: Random): void => {
      const timestamp = body.occurred_at + Math.floor(latency(type, random))
      const event: GeneratedEvent = { type, body, timestamp, damage: null }
      wait(event)
      const u = random.next()
      if (u < DUPLICATE_CHANCE) wait(sentAgain(event, random))
      else if (u < DUPLICATE_CHANCE + BROKEN_CHANCE) wait(broken(event, random))
    }
    const lives = this.settle(sink)
    for (let step = -1; ; step++) {
      if (step >= 0) this.live(lives, this.originMs + step * this.stepMs)
      const due = waiting.get(step) ?? []
      waiting.delete(step)
      // The sort is stable, so that equal timestamps keep the order in which they were made.
      yield* due.sort((left, right) => left.timestamp - right.timestamp)
    }
  }

  private settle(sink: ConstructorParameters<typeof Life>[4]): Life[] {
    const { seed, customers, originMs } = this
    return Array.from({ length: customers }, (_, place) => {
      const life = new Life(seed, place, customers, this.visitsPerDay, sink)
      // Spread evenly, in an order that has nothing to do with the ids.
      const share = ((place * 0.618_033_988_749_895) % 1) * 0.998
      life.settle(originMs - SIGN_UP_MS + Math.floor(share * SIGN_UP_MS), originMs)
      return life
    })
  }

  private live(lives: readonly Life[], fromMs: number): void {
    if ((fromMs - this.originMs) % DAY === 0) for (const life of lives) life.liveDay(fromMs)
    const spans = zones.map(({ offsetMs }) => spanOf(fromMs, fromMs + this.stepMs, offsetMs))
    for (const life of lives) life.visit(spans[life.zone])
  }
}

/** The largest number of steps up to `steps` that divides the minutes of a day. */
function divisorNear(steps: number): number {
  let divisor = steps
  while (1_440 % divisor !== 0) divisor--
  return divisor
}

/** A producer that had no answer sends again, within minutes or, after a restart, hours. */
function sentAgain(event: GeneratedEvent, random: Random): GeneratedEvent {
  const later = Math.min(random.lognormal(60_000, 1.5), 6 * HOUR)
  return { ...event, timestamp: event.timestamp + Math.floor(later) }
}

function latency(type: string, random: Random): number {
  const u = random.next()
  if (type === 'content_consumed' && u < OFFLINE_CHANCE) return random.between(20, 45) * DAY
  if (u < DELAY_CHANCE) return 60_000 * Math.exp(random.next() * Math.log(720))
  return 200 + 1_000 * random.exponential()
}

/** Beside the event the attempt of an ill-configured client to tell of it. */
function broken(event: GeneratedEvent, random: Random): GeneratedEvent {
  const body = { ...event.body, event_id: `${event.body.event_id}-x`, source: 'legacy' }
  const kind = Math.floor(random.next() * (damages.length + 2))
  if (kind < damages.length) return { ...event, body, damage: damages[kind] }
  if (kind === damages.length) body.occurred_at = Math.floor(body.occurred_at / 1000)
  else Object.assign(body, outOfRange[event.type] ?? { event_id: '' })
  return { ...event, body }
}

const outOfRange: Readonly<Record<string, object>> = {
  customer_profile: { age: 7 },
  subscription_change: { billing_amount: -7.99 },
  session: { duration_seconds: -1 },
  content_consumed: { minutes: -5 },
  payment: { amount: -11.99 },
}
