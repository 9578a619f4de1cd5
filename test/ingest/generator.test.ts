import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { AvroCodec } from '../../src/events/avro-codec.js'
import { isReject } from '../../src/events/event.js'
import { keyText } from '../../src/events/key.js'
import { compileRules } from '../../src/events/rules.js'
import { Business } from '../../src/ingest/generator/business.js'
import { recordOf, type GeneratedEvent } from '../../src/ingest/generator/generated.js'
import { Random } from '../../src/ingest/generator/random.js'
import { spanOf } from '../../src/ingest/generator/rhythm.js'
import { rules } from '../../src/apps/churn/rules.js'
import { customerEvents, schemaIds } from '../../src/apps/churn/schemas.gen.js'

const DAY = 86_400_000
const originMs = Date.UTC(2025, 0, 1)
const untilMs = originMs + 120 * DAY
const codec = new AvroCodec(customerEvents, schemaIds)

const small = () => new Business({ seed: 3, customers: 40, originMs })
const collect = (business: Business, fromMs: number, toMs: number): GeneratedEvent[] =>
  [...business.between(fromMs, toMs)].flat()

describe('the same events', () => {
  const whole = collect(small(), small().beginMs, untilMs)

  test('come whatever way the span is cut', () => {
    const day = fc.double({ min: -60, max: 120, noNaN: true })
    fc.assert(
      fc.property(fc.array(day, { maxLength: 12 }), (days) => {
        const business = small()
        const cuts = days.map((n) => Math.floor(originMs + n * DAY)).sort((a, b) => a - b)
        const borders = [business.beginMs, ...cuts, untilMs]
        const parts = borders.slice(1).flatMap((to, index) => collect(business, borders[index], to))
        expect(parts).toEqual(whole)
      }),
      { numRuns: 20 },
    )
  })

  test('come again when a caller goes back or leaves a batch unread', () => {
    const business = small()
    for (const batch of business.between(originMs, untilMs)) {
      expect(batch.length).toBeGreaterThan(0)
      break
    }
    const from = originMs + 5 * DAY
    const due = whole.filter(({ timestamp }) => timestamp >= from)
    expect(collect(business, from, untilMs)).toEqual(due)
  })

  test('do not come from another seed', () => {
    const other = new Business({ seed: 4, customers: 40, originMs })
    expect(collect(other, originMs, untilMs)).not.toEqual(collect(small(), originMs, untilMs))
  })
})

describe('a business of 1,000 customers over 120 days', () => {
  let events: GeneratedEvent[] = []
  let history: GeneratedEvent[] = []
  const whole = (event: GeneratedEvent) => event.damage === null && event.body.source === null
  const perCustomer = new Map<string, GeneratedEvent[]>()

  beforeAll(() => {
    const business = new Business({ seed: 1, customers: 1_000, originMs })
    history = collect(business, business.beginMs, originMs)
    events = collect(business, originMs, untilMs)
    for (const event of [...history, ...events].filter(whole)) {
      const list = perCustomer.get(event.body.customer_id)
      if (list === undefined) perCustomer.set(event.body.customer_id, [event])
      else list.push(event)
    }
  })

  test('gives as many events a day as asked for', () => {
    expect(events.length / 120).toBeGreaterThan(360)
    expect(events.length / 120).toBeLessThan(440)
    const busy = new Business({ seed: 1, customers: 1_000, originMs, eventsPerDay: 20_000 })
    const count = collect(busy, originMs + DAY, originMs + 8 * DAY).length
    expect(count / 7).toBeGreaterThan(16_000)
    expect(count / 7).toBeLessThan(24_000)
  })

  test('is in the order of the record timestamps, and no record is before its event', () => {
    let last = -Infinity
    for (const { timestamp, body } of events) {
      expect(timestamp).toBeGreaterThanOrEqual(last)
      expect(timestamp).toBeGreaterThanOrEqual(body.occurred_at)
      last = timestamp
    }
  })

  test('has signed up its customers over two years before', () => {
    const joined = history.filter(({ type }) => type === 'customer_profile')
    expect(joined.length).toBeGreaterThanOrEqual(1_000)
    expect(history[0].timestamp).toBeLessThan(originMs - 725 * DAY)
  })

  test('has 1 % duplicates, 5 % out of order, below 0.2 % broken and a few late ones', () => {
    const share = (count: number) => count / events.length
    const seen = new Set<string>()
    let repeated = 0
    for (const { body } of events.filter(whole)) {
      if (seen.has(body.event_id)) repeated++
      seen.add(body.event_id)
    }
    expect(share(repeated)).toBeGreaterThan(0.007)
    expect(share(repeated)).toBeLessThan(0.013)
    const delayed = events.filter(({ timestamp, body }) => timestamp - body.occurred_at > 60_000)
    expect(share(delayed.length)).toBeGreaterThan(0.04)
    expect(share(delayed.length)).toBeLessThan(0.07)
    const brokenShare = share(events.filter((event) => !whole(event)).length)
    expect(brokenShare).toBeGreaterThan(0.0005)
    expect(brokenShare).toBeLessThan(0.002)
    const late = delayed.filter(({ timestamp, body }) => timestamp - body.occurred_at > 31 * DAY)
    expect(late.length).toBeGreaterThan(0)
    expect(share(late.length)).toBeLessThan(0.001)
  })

  test('whole events are valid, broken ones are rejected with many codes', () => {
    const compiled = compileRules(rules, codec.types)
    const codes = new Set<string>()
    const outcome = (event: GeneratedEvent): string => {
      const record = recordOf(event, codec)
      const decoded = codec.decode(record.value!)
      if (isReject(decoded)) return decoded.code
      const customer = keyText(record.key)
      if (typeof customer !== 'string') return customer.code
      if (customer !== decoded.body.customer_id) return 'KEY_MISMATCH'
      return compiled.check(decoded.type, decoded.body, -1, new Map())?.code ?? 'valid'
    }
    for (const event of events) {
      const code = outcome(event)
      expect(code === 'valid').toBe(whole(event))
      codes.add(code)
    }
    expect(codes.size).toBeGreaterThanOrEqual(6)
  })

  test('keeps its size: whoever leaves is followed by another', () => {
    const count = (change: string): number =>
      new Set(
        events
          .filter(({ type, body }) => type === 'subscription_change' && body['change'] === change)
          .map(({ body }) => body.customer_id),
      ).size
    expect(count('cancelled')).toBeGreaterThan(120)
    expect(count('cancelled') - count('started')).toBeLessThan(30)
  })

  test('nobody visits, pays or changes anything after he has cancelled', () => {
    for (const list of perCustomer.values()) {
      const end = list.find(({ body }) => body['change'] === 'cancelled')?.body.occurred_at
      const after = list.filter(({ body }) => body.occurred_at > (end ?? Infinity))
      const kinds = new Set(after.map(({ type, body }) => body['status'] ?? type))
      // A refund may follow, a question be asked, and the last visit's content begin a bit later.
      for (const kind of ['refunded', 'support_ticket', 'content_consumed']) kinds.delete(kind)
      expect([...kinds]).toEqual([])
    }
  })

  test('is busiest in local evenings and at weekends', () => {
    const sessions = events.filter(
      (event) =>
        whole(event) &&
        event.type === 'session' &&
        perCustomer.get(event.body.customer_id)![0].body['location'] === 'DE',
    )
    const hours = Array.from({ length: 24 }, () => 0)
    const weekdays = Array.from({ length: 7 }, () => 0)
    for (const { body } of sessions) {
      const local = new Date(body.occurred_at + 3_600_000)
      hours[local.getUTCHours()]++
      weekdays[local.getUTCDay()]++
    }
    expect(hours[20]).toBeGreaterThan(10 * hours[3])
    expect(weekdays[0]).toBeGreaterThan(1.3 * weekdays[2])
  })

  test('shows most of those who are about to leave: they visit far less often', () => {
    const last30 = (list: GeneratedEvent[], at: number): number =>
      list.filter(
        ({ type, body }) =>
          type === 'session' && body.occurred_at < at && body.occurred_at >= at - 30 * DAY,
      ).length
    const leaving: number[] = []
    const staying: number[] = []
    for (const list of perCustomer.values()) {
      const end = list.find(({ body }) => body['change'] === 'cancelled')?.body.occurred_at
      if (list[0].body.occurred_at > originMs) continue
      if (end === undefined) staying.push(last30(list, untilMs - 60 * DAY))
      else if (end > originMs + 30 * DAY) leaving.push(last30(list, end))
    }
    const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]
    expect(leaving.length).toBeGreaterThan(50)
    expect(median(leaving)).toBeLessThan(median(staying) / 3)
  })

  /** Instants of the visits of a customer, in order. */
  const visitsOf = (list: readonly GeneratedEvent[]): number[] =>
    list
      .filter(({ type }) => type === 'session')
      .map(({ body }) => body.occurred_at)
      .sort((a, b) => a - b)
  const endOf = (list: readonly GeneratedEvent[]): number =>
    list.find(({ body }) => body['change'] === 'cancelled')?.body.occurred_at ?? Infinity

  test('many fall silent for weeks and come back', () => {
    let paused = 0
    for (const list of perCustomer.values()) {
      const visits = visitsOf(list)
      const long = visits.findIndex((at, index) => visits[index + 1] - at > 14 * DAY)
      // Who visits eight times more in the rest of the 120 days was not about to leave.
      if (long >= 8 && visits.length - long > 8) paused++
    }
    expect(paused).toBeGreaterThan(50)
  })

  test('some leave from one day to the next', () => {
    let leavers = 0
    let abrupt = 0
    for (const list of perCustomer.values()) {
      const end = endOf(list)
      if (list[0].body.occurred_at > originMs || end < originMs + 60 * DAY || end === Infinity)
        continue
      const visits = visitsOf(list)
      const within = (from: number, to: number): number =>
        visits.filter((at) => at >= end - from * DAY && at < end - to * DAY).length
      if (within(60, 30) < 5) continue
      leavers++
      if (within(30, 0) >= 0.6 * within(60, 30)) abrupt++
    }
    expect(abrupt / leavers).toBeGreaterThan(0.1)
    expect(abrupt / leavers).toBeLessThan(0.5)
  })
})

describe('parts', () => {
  test('random numbers are those of sfc32 and evenly spread', () => {
    const random = new Random(1, 2)
    const bins = Array.from({ length: 16 }, () => 0)
    for (let i = 0; i < 160_000; i++) bins[Math.floor(random.next() * 16)]++
    for (const bin of bins) expect(Math.abs(bin - 10_000)).toBeLessThan(400)
    const first = Array.from(
      { length: 5 },
      (
        (other) => () =>
          other.next()
      )(new Random(1, 3)),
    )
    expect(first).not.toEqual(
      Array.from(
        { length: 5 },
        (
          (other) => () =>
            other.next()
        )(new Random(2, 3)),
      ),
    )
  })

  test('a step of activity is spent within the step, in order', () => {
    for (const [from, length] of [
      [originMs, DAY],
      [originMs + 7 * 3_600_000, 3_600_000],
      [originMs + 23.5 * 3_600_000, 1_800_000],
    ]) {
      const span = spanOf(from, from + length, 5.5 * 3_600_000)
      const at = Array.from({ length: 100 }, (_, i) => span.at(i / 100))
      expect(at).toEqual([...at].sort((a, b) => a - b))
      expect(at[0]).toBeGreaterThanOrEqual(from)
      expect(at[99]).toBeLessThan(from + length)
    }
  })
})
