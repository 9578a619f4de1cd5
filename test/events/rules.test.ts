import { describe, expect, test } from 'vitest'
import { allowed, range, reference, required, rules } from '../../src/events/rule-spec.js'
import { compileRules } from '../../src/events/rules.js'
import type { EventBody } from '../../src/events/event.js'
import { featureSet } from '../../src/apps/churn/features.js'
import { keptTexts } from '../../src/features/kept-texts.js'
import { customerEvents } from '../../src/apps/churn/schemas.gen.js'
import { rules as churnRules } from '../../src/apps/churn/rules.js'

const types = Object.keys(customerEvents).sort()
const typeOf = (name: string): number => types.indexOf(name)
const at = Date.UTC(2024, 0, 1)
const body = (fields: object = {}): EventBody => ({
  event_id: 'e1',
  customer_id: 'c1',
  occurred_at: at,
  source: null,
  ...fields,
})
const PROFILE = 1 << typeOf('customer_profile')

function check(set: ReturnType<typeof rules>, type: string, event: EventBody, accepted = PROFILE) {
  const flags = new Map<string, number>()
  const reject = compileRules(set, types).check(typeOf(type), event, accepted, flags)
  return { reject, flags: Object.fromEntries(flags) }
}

describe('the envelope', () => {
  const none = rules(customerEvents, () => [])
  const of = (fields: object) => check(none, 'session', body(fields)).reject

  test('an empty event id is FIELD_REQUIRED', () => {
    expect(of({ event_id: '' })).toMatchObject({ code: 'FIELD_REQUIRED', field: '/event_id' })
  })

  test('an event id has 256 bytes at most, whatever its letters are', () => {
    expect(of({ event_id: 'e'.repeat(256) })).toBeNull()
    expect(of({ event_id: '\u{1f600}'.repeat(64) })).toBeNull()
    const tooLong = { code: 'FIELD_TOO_LONG', field: '/event_id' }
    expect(of({ event_id: 'e'.repeat(257) })).toMatchObject(tooLong)
    expect(of({ event_id: `${'\u{1f600}'.repeat(64)}e` })).toMatchObject(tooLong)
  })

  test.each([
    ['2011', Date.UTC(2011, 5, 1)],
    ['the first ms of 1990', 631_152_000_000],
    ['the last ms of 2099', 4_102_444_799_999],
  ])('%s is fine', (_, occurredAt) => {
    expect(of({ occurred_at: occurredAt })).toBeNull()
  })

  test.each([
    ['seconds are told', Date.UTC(2024, 0, 1) / 1000, 'looks like seconds'],
    ['microseconds are told', Date.UTC(2024, 0, 1) * 1000, 'looks like microseconds'],
    ['2100 is refused', 4_102_444_800_000, 'between'],
    ['1989 is refused', 631_151_999_999, 'between'],
    ['zero is refused', 0, 'between'],
    ['a negative time is refused', -1, 'between'],
  ])('%s', (_, occurredAt, words) => {
    expect(of({ occurred_at: occurredAt })).toMatchObject({
      code: 'TIMESTAMP_RANGE',
      field: '/occurred_at',
      reason: expect.stringContaining(words) as string,
    })
  })
})

describe('rules', () => {
  const set = rules(customerEvents, ({ on }) => [
    required(on.customer_profile.location),
    range(on.customer_profile.age, 18, 100),
    allowed(on.customer_profile.gender, ['female', 'male']),
    range(on.payment.amount, 0, 50, { action: 'flag', name: 'dear' }),
    reference('known', { to: on.customer_profile, from: [on.payment] }, 'reject'),
  ])
  const profile = { age: 30, gender: 'female', location: 'DE', acquisition_channel: null }
  const payment = { amount: 10, status: 'paid', method: 'card', attempt: 1 }

  test('an event that breaks none passes', () => {
    expect(check(set, 'customer_profile', body(profile))).toEqual({ reject: null, flags: {} })
  })

  test('a null or empty required field is FIELD_REQUIRED', () => {
    for (const location of [null, '']) {
      expect(check(set, 'customer_profile', body({ ...profile, location })).reject).toMatchObject({
        code: 'FIELD_REQUIRED',
        field: '/location',
      })
    }
  })

  test.each([17, 101, -1])('%d is outside the range', (age) => {
    const { reject } = check(set, 'customer_profile', body({ ...profile, age }))
    expect(reject).toMatchObject({ code: 'FIELD_RANGE', field: '/age' })
  })

  test.each([18, 100, null])('%s is inside the range', (age) => {
    expect(check(set, 'customer_profile', body({ ...profile, age })).reject).toBeNull()
  })

  test('a value that is not listed is FIELD_NOT_ALLOWED, null passes', () => {
    const of = (gender: string | null) =>
      check(set, 'customer_profile', body({ ...profile, gender })).reject
    expect(of('other')).toMatchObject({ code: 'FIELD_NOT_ALLOWED', field: '/gender' })
    expect(of(null)).toBeNull()
  })

  test('a rule that flags counts under its name and lets the event pass', () => {
    const result = check(set, 'payment', body({ ...payment, amount: 51 }))
    expect(result).toEqual({ reject: null, flags: { dear: 1 } })
  })

  test('a missing reference is REFERENCE_MISSING', () => {
    expect(check(set, 'payment', body(payment), 0).reject).toMatchObject({
      code: 'REFERENCE_MISSING',
    })
    expect(check(set, 'payment', body(payment), PROFILE).reject).toBeNull()
  })

  test('the specification is plain JSON', () => {
    expect(JSON.parse(JSON.stringify(set.spec))).toEqual(set.spec)
  })

  test('two rules of one name and a range without values are refused', () => {
    expect(() =>
      rules(customerEvents, ({ on }) => [
        range(on.payment.amount, 0, 1),
        range(on.payment.amount, 0, 2),
      ]),
    ).toThrow('two rules have this name')
    expect(() => rules(customerEvents, ({ on }) => [range(on.payment.amount, 2, 1)])).toThrow(
      'no range',
    )
  })

  test('names and values are checked by the compiler', () => {
    const wrong = () =>
      rules(customerEvents, ({ on }) => [
        // @ts-expect-error there is no such field
        required(on.payment.amuont),
        // @ts-expect-error not a symbol of the enum
        allowed(on.payment.status, ['lost']),
        // @ts-expect-error a text has no range
        range(on.payment.status, 0, 1),
      ])
    expect(wrong).toThrow('amuont')
  })
})

describe('the rules of the built-in app', () => {
  test('refuse an age of 17 and a negative amount', () => {
    const profile = { age: 17, gender: null, location: 'DE', acquisition_channel: null }
    expect(check(churnRules, 'customer_profile', body(profile)).reject?.code).toBe('FIELD_RANGE')
    const payment = { amount: -1, status: 'paid', method: 'card', attempt: 1 }
    expect(check(churnRules, 'payment', body(payment)).reject?.code).toBe('FIELD_RANGE')
  })

  test('count a session of a customer without a profile', () => {
    const session = body({ duration_seconds: 60, device: null })
    expect(check(churnRules, 'session', session, 0)).toEqual({
      reject: null,
      flags: { hasProfile: 1 },
    })
  })
})

test('text that a feature keeps has a bound, and other text has none', () => {
  const kept = keptTexts(featureSet.spec, customerEvents)
  expect(kept.get('customer_profile')).toEqual(['location'])
  const compiled = compileRules(churnRules, types, kept)
  const profile = (fields: object): unknown => {
    const event = body({ age: 40, gender: null, location: 'x', ...fields })
    return compiled.check(typeOf('customer_profile'), event, PROFILE, new Map())
  }
  expect(profile({ location: 'x'.repeat(4096) })).toBeNull()
  expect(profile({ location: 'x'.repeat(4097) })).toMatchObject({
    code: 'FIELD_TOO_LONG',
    field: '/location',
    reason: expect.stringContaining('at most 4096 bytes') as string,
  })
  expect(profile({ source: 'x'.repeat(100_000) })).toBeNull()
})
