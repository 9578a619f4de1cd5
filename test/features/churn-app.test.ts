import { describe, expect, it } from 'vitest'
import { featureSet } from '../../src/apps/churn/features.js'
import { eligible, labels } from '../../src/apps/churn/labels.js'
import { customerEvents } from '../../src/apps/churn/schemas.gen.js'
import type { EventBody } from '../../src/events/event.js'
import { compile } from '../../src/features/compile.js'
import type { CustomerState } from '../../src/features/engine.js'
import { readRow } from '../support/engine-loop.js'

const day = 86_400_000
const hour = 3_600_000
const start = Date.parse('2024-03-01T09:30:00Z')
const engine = compile({ features: featureSet.spec, schemas: customerEvents, eligible, rules: [] })

type Event = readonly [type: keyof typeof customerEvents, at: number, fields: object]

/** A customer who joined, came often, and comes less. */
const history: readonly Event[] = [
  ['customer_profile', 0, { age: 41, gender: 'female', location: 'AT' }],
  ['subscription_change', hour, { change: 'started', plan: 'basic', payment_method: 'card' }],
  ['session', 2 * hour, { duration_seconds: 600 }],
  ['payment', 3 * hour, { amount: 9.99, status: 'paid' }],
  ['session', 5 * day, { duration_seconds: null }],
  ['content_consumed', 5 * day, { minutes: 30 }],
  [
    'subscription_change',
    20 * day,
    { change: 'plan_changed', plan: 'premium', payment_method: null },
  ],
  ['payment', 33 * day, { amount: 19.99, status: 'failed' }],
  ['payment', 34 * day, { amount: 19.99, status: 'paid' }],
  ['session', 35 * day, { duration_seconds: 1200 }],
  ['support_ticket', 36 * day, { category: 'billing' }],
  ['customer_profile', 37 * day, { age: 42, gender: null, location: null }],
]

function live(events: readonly Event[], state = engine.codec.create()): CustomerState {
  events.forEach(([name, after, fields], i) => {
    const at = start + after
    const type = engine.types.indexOf(name)
    const body: EventBody = {
      event_id: `0000${i}-${after}`,
      customer_id: 'c',
      occurred_at: at,
      ...fields,
    }
    const verdict = engine.judge(at + 1, state.judged, type, body)
    expect(verdict).toBe('accepted')
    engine.update(state.aggregates, type, body, i, at + 1)
  })
  return state
}

function valuesAt(state: CustomerState, asOf: number): Record<string, unknown> {
  const { values } = readRow(engine, state.aggregates, asOf)
  return Object.fromEntries(engine.columns.map(({ name }, i) => [name, values[i]]))
}

describe('the churn app', () => {
  it('tells how a customer stands', () => {
    const paid = [9.99, 19.99] as const
    const [short, long] = [paid[1] / 30, (paid[0] + paid[1]) / 90]
    expect(valuesAt(live(history), start + 38 * day)).toEqual({
      age: 42,
      gender: 'female',
      location: 'AT',
      plan_type: 'premium',
      payment_method: 'card',
      tenure_days: 37,
      logins_last_7_days: 1,
      logins_last_30_days: 1,
      logins_last_90_days: 3,
      avg_session_duration_30d: 1200,
      total_content_consumed_30d: 0,
      login_frequency_trend: 1 / 7 / (3 / 90),
      days_since_last_login: 3,
      days_since_last_payment: 4,
      support_interaction_count_90d: 1,
      payment_failures_last_6_months: 1,
      plan_changes_last_year: 1,
      billing_amount_change_pct: expect.closeTo(((short - long) / long) * 100, 9),
    })
  })

  it('tells when a value changes though nothing happens', () => {
    const state = live(history)
    const seen: string[] = []
    let at = start + 38 * day
    let before = valuesAt(state, at)
    for (let i = 0; i < 200; i++) {
      at = engine.nextChange(state.aggregates, at)
      const now = valuesAt(state, at)
      for (const [name, value] of Object.entries(now)) {
        if (!Object.is(before[name], value)) seen.push(name)
      }
      before = now
    }
    expect(new Set(seen)).toEqual(
      new Set([
        'tenure_days',
        'logins_last_7_days',
        'logins_last_30_days',
        'logins_last_90_days',
        'avg_session_duration_30d',
        'login_frequency_trend',
        'days_since_last_login',
        'days_since_last_payment',
        'support_interaction_count_90d',
        'billing_amount_change_pct',
      ]),
    )
  })

  it('retires a customer 30 days after its longest window, and an event brings him back', () => {
    const state = live(history)
    const last = start + 37 * day
    expect(engine.retireAfterMs).toBe(395 * day)
    expect(readRow(engine, state.aggregates, last + 395 * day - 1).retired).toBe(false)
    expect(engine.nextChange(state.aggregates, last + 395 * day - 1)).toBe(last + 395 * day)
    expect(readRow(engine, state.aggregates, last + 395 * day).retired).toBe(true)
    expect(engine.nextChange(state.aggregates, last + 395 * day)).toBe(Infinity)
    live([['session', 37 * day + 396 * day, { duration_seconds: 1 }]], state)
    const row = readRow(engine, state.aggregates, last + 396 * day + 1)
    expect([row.retired, row.validUntil < Infinity]).toEqual([false, true])
  })

  it('keeps a typical customer in one cell of at most 300 bytes', () => {
    const state = live(history)
    const cells: [number, Uint8Array | null][] = []
    engine.codec.encode(state, (cell, value) => cells.push([cell, value]))
    expect(cells.map(([cell]) => cell)).toEqual(engine.codec.roots)
    expect(cells[0][1]?.length).toBeLessThanOrEqual(300)
  })

  it('decides churn by an explicit cancellation', () => {
    expect(labels.spec.kind).toBe('event')
    const type = engine.types.indexOf('subscription_change')
    const body = { event_id: 'e', customer_id: 'c', occurred_at: 1 }
    expect(labels.matches(type, { ...body, change: 'cancelled' })).toBe(true)
    expect(labels.matches(type, { ...body, change: 'paused' })).toBe(false)
  })
})
