/**
 * One place in the customer base: a customer's life with the business, and when he leaves, that of
 * the next one.
 *
 * A hidden interest drives what he does. It goes up and down by weeks while he is content; then, for
 * weeks, it fades: visits get rare and short, bills fail, questions come up; at the end he cancels,
 * or comes round. Others leave without a sign: over a card that has run out, over an answer of
 * support, or just so. And content ones stay away for weeks and come back. Nothing in the events
 * names any of it: a model has to infer it, and cannot always.
 *
 * Owns the random numbers of its place: what other places do moves none of them.
 */
import type { EventBody } from '../../events/event.js'
import { BILL_PERIOD, DAY, Interest } from './interest.js'
import { type Person, personOf, plans } from './person.js'
import { Random } from './random.js'
import type { Span } from './rhythm.js'

/** Takes what happens, in any order within a day. */
export type Sink = (type: string, body: EventBody, random: Random) => void

/** The larger, the more evenly visits follow each other; 1 is pure chance. */
const GAP_SHAPE = 5
/** Days from a failed try of a bill to the next; after the last one the business gives up. */
const RETRY_DAYS = [3, 5, 7]
/** How often a bill meets a card that has run out, and is paid only once he sees to that. */
const EXPIRED_CHANCE = 0.005
/** How many of the content who ask support leave over the answer. */
const ANGER_CHANCE = 0.04

export class Life {
  private readonly random: Random
  private readonly interest: Interest
  private person: Person
  private id = ''
  private sequence = 0
  private plan = 0
  private method = ''
  private joinedAt = 0
  private leftAt = Infinity
  /** When the next customer takes the place of one who left. */
  private followedAt = Infinity
  /** How many customers have had this place. */
  private customers = 0
  /** The newest instant of what was decided: the end must not come before it. */
  private decidedUntil = 0
  private billAt = 0
  private attempt = 1
  /** Whether the card has run out. */
  private expired = false
  /** Activity that is left until the next visit. */
  private untilVisit = 0

  constructor(
    seed: number,
    private readonly place: number,
    private readonly places: number,
    /** Visits a day of a mean, content customer. */
    private readonly visitsPerDay: number,
    private readonly sink: Sink,
  ) {
    this.random = new Random(seed, place)
    this.interest = new Interest(this.random)
    this.person = personOf(this.random)
  }

  /** Which of `zones` he lives in. */
  get zone(): number {
    return this.person.zone
  }

  /** Puts a customer in place who signed up at `joinedAt`, before the business is watched. */
  settle(joinedAt: number, originMs: number): void {
    this.signUp(joinedAt)
    this.untilVisit = this.random.exponential()
    const periods = Math.ceil((originMs - joinedAt) / BILL_PERIOD)
    this.billAt = joinedAt + Math.max(1, periods) * BILL_PERIOD
    this.interest.begin(originMs, this.billAt)
  }

  /** The seldom things of the day that begins at `dayMs`: bills, questions, changes, the end. */
  liveDay(dayMs: number): void {
    if (this.leftAt < Infinity) {
      if (this.followedAt < dayMs + DAY) this.nextCustomer(Math.max(this.followedAt, dayMs))
      return
    }
    this.interest.live(dayMs, this.billAt, this.restlessness(dayMs))
    // What is paid for is used up before: he cancels instead of paying the next bill.
    const { end } = this.interest
    if (this.interest.endsOn(dayMs)) return this.cancel(Math.max(Math.min(this.billAt, end), dayMs))
    this.bill(dayMs)
    if (this.leftAt < Infinity) return
    this.askSupport(dayMs)
    this.changeSubscription(dayMs)
    if (this.random.chance(0.0004)) this.tellProfile(this.timeIn(dayMs))
  }

  /** The visits of a step of time that lies within the day lived last. */
  visit(span: Span): void {
    const activity = span.activity * this.visitsPerDay * this.person.eagerness * this.interest.level
    if (this.untilVisit >= activity) {
      this.untilVisit -= activity
      return
    }
    let passed = this.untilVisit
    for (; passed < activity; passed += this.gap()) {
      const at = span.at(passed / activity)
      if (at >= this.joinedAt && at < this.leftAt) this.session(at)
    }
    this.untilVisit = passed - activity
  }

  /** Activity between two visits, 1 in the mean; people are steadier than pure chance (Erlang). */
  private gap(): number {
    const { random } = this
    let product = 1
    for (let i = 0; i < GAP_SHAPE; i++) product *= 1 - random.next()
    return -Math.log(product) / GAP_SHAPE
  }

  private session(at: number): void {
    const { random } = this
    const interest = this.interest.level
    const length = random.lognormal(this.person.patience * (0.35 + 0.65 * interest), 0.7)
    const seconds = Math.min(Math.round(length * 10) / 10, 40_000)
    const device = this.person.devices[random.index(DEVICE_SHARES)]
    this.emit('session', {
      event_id: this.nextId(),
      customer_id: this.id,
      occurred_at: at,
      source: null,
      // The end of a visit is sometimes not seen.
      duration_seconds: random.chance(0.02) ? null : seconds,
      device,
    })
    if (!random.chance(0.42 * Math.sqrt(Math.min(interest, 1)))) return
    const minutes = Math.round(seconds * random.between(0.3, 0.95)) / 60
    this.emit('content_consumed', {
      event_id: this.nextId(),
      customer_id: this.id,
      occurred_at: at + Math.floor(random.between(10_000, 240_000)),
      source: null,
      content_type: CONTENT[random.index(this.person.taste)],
      minutes: Math.round(minutes * 100) / 100,
    })
  }

  /** How much likelier than the mean customer he is to lose interest; the new ones try out. */
  private restlessness(dayMs: number): number {
    const newness = dayMs - this.joinedAt < 60 * DAY ? 1.5 : 0.93
    return newness * this.person.restlessness * plans[this.plan].restlessness
  }

  private bill(dayMs: number): void {
    if (this.billAt >= dayMs + DAY) return
    const at = Math.max(this.billAt, dayMs)
    this.decidedUntil = at
    const { random } = this
    const fading = this.interest.fate === 'fading'
    const careless = this.method === 'voucher' ? 2 : 1
    if (this.attempt === 1) this.expired = random.chance(EXPIRED_CHANCE * careless)
    const again = fading ? 0.6 : 0.3
    const failChance = this.attempt > 1 ? again : fading ? 0.2 : 0.03 * careless
    const failed = random.chance(this.expired ? 0.97 : failChance)
    const amount = plans[this.plan].price
    const fields = { amount, method: this.method, attempt: this.attempt }
    this.tell('payment', at, { ...fields, status: failed ? 'failed' : 'paid' })
    if (!failed) {
      this.billAt = at + BILL_PERIOD - this.lostDays() * DAY
      this.attempt = 1
      if (random.chance(fading ? 0.02 : 0.003)) {
        const later = at + Math.floor(random.between(1, 5) * DAY)
        this.tell('payment', later, { ...fields, status: 'refunded' })
      }
      return
    }
    if (this.attempt > RETRY_DAYS.length) return this.cancel(at + 60_000)
    this.billAt = at + RETRY_DAYS[this.attempt - 1] * DAY
    this.attempt++
    if (random.chance(0.15)) this.ticket(at + Math.floor(random.between(0.05, 1) * DAY), 0)
    if (!random.chance(0.2)) return
    this.expired = false
    this.changeMethod(at + Math.floor(random.between(0.01, 0.2) * DAY))
  }

  /** Days that the retries of this bill took: the next one is not put off by them. */
  private lostDays(): number {
    return RETRY_DAYS.slice(0, this.attempt - 1).reduce((sum, days) => sum + days, 0)
  }

  private askSupport(dayMs: number): void {
    const chance = this.interest.fate === 'fading' ? 0.035 : 0.0025
    if (!this.random.chance(chance)) return
    const shares = this.interest.fate === 'fading' ? [0.4, 0.2, 0.15, 0.25] : [0.2, 0.45, 0.15, 0.2]
    const at = this.timeIn(dayMs)
    this.ticket(at, this.random.index(shares))
    if (this.interest.fate !== 'content' || !this.random.chance(ANGER_CHANCE)) return
    const end = at + Math.floor(this.random.between(1, 12) * DAY)
    this.interest.decide(end)
    this.ticket(Math.floor(this.random.between(at, end)), 1)
  }

  private ticket(at: number, category: number): void {
    const shares = this.interest.fate === 'fading' ? [0.2, 0.5, 0.3] : [0.35, 0.55, 0.1]
    const priority = ['low', 'normal', 'high'][this.random.index(shares)]
    this.tell('support_ticket', at, { category: CATEGORIES[category], priority })
  }

  private changeSubscription(dayMs: number): void {
    const { random, plan } = this
    if (random.chance(0.0004)) this.changeMethod(this.timeIn(dayMs))
    const down = this.interest.fate === 'fading' ? 0.014 : 0.0006
    const up = this.interest.fate === 'content' ? 0.0012 : 0
    if (plan > 0 && random.chance(down)) this.plan = plan - 1
    else if (plan < plans.length - 1 && random.chance(up)) this.plan = plan + 1
    if (this.plan !== plan) this.tellSubscription('plan_changed', this.timeIn(dayMs))
  }

  private changeMethod(at: number): void {
    this.method = METHODS[this.random.index(METHOD_SHARES)]
    this.tellSubscription('payment_method_changed', at)
  }

  private cancel(at: number): void {
    this.leftAt = Math.max(at, this.decidedUntil + 60_000)
    this.followedAt = this.leftAt + Math.floor(2 * DAY * this.random.exponential())
    this.tellSubscription('cancelled', this.leftAt)
  }

  private nextCustomer(at: number): void {
    this.person = personOf(this.random)
    this.signUp(at)
    this.bill(at - (at % DAY))
  }

  private signUp(at: number): void {
    this.id = `c${String(this.place + this.places * this.customers++).padStart(7, '0')}`
    this.sequence = 0
    this.joinedAt = at
    this.leftAt = Infinity
    this.interest.reset()
    this.plan = this.person.plan
    this.method = METHODS[this.random.index(METHOD_SHARES)]
    this.attempt = 1
    this.billAt = at + 120_000
    this.untilVisit = this.random.exponential() / 4
    this.tellProfile(at)
    this.tellSubscription('started', at + 60_000)
  }

  private tellProfile(at: number): void {
    const { age, gender, location, channel } = this.person
    this.tell('customer_profile', at, { age, gender, location, acquisition_channel: channel })
  }

  private tellSubscription(change: string, at: number): void {
    this.decidedUntil = at
    this.tell('subscription_change', at, {
      change,
      status: change === 'cancelled' ? 'cancelled' : 'active',
      plan: plans[this.plan].name,
      payment_method: this.method,
      billing_amount: plans[this.plan].price,
    })
  }

  private timeIn(dayMs: number): number {
    return dayMs + Math.floor(this.random.next() * DAY)
  }

  /** For what is seldom; the visits spell out the envelope, for that is four times as fast. */
  private tell(type: string, occurredAt: number, fields: object): void {
    const envelope = { event_id: this.nextId(), customer_id: this.id, occurred_at: occurredAt }
    this.emit(type, { ...envelope, source: null, ...fields })
  }

  private nextId(): string {
    return `${this.id}-${(this.sequence++).toString(36)}`
  }

  private emit(type: string, body: EventBody): void {
    this.sink(type, body, this.random)
  }
}

const DEVICE_SHARES = [0.6, 0.3, 0.1]
const CONTENT = ['series', 'film', 'live', 'podcast']
const CATEGORIES = ['billing', 'technical', 'content', 'account']
const METHODS = ['card', 'direct_debit', 'wallet', 'voucher']
const METHOD_SHARES = [0.55, 0.25, 0.15, 0.05]
