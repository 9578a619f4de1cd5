/**
 * What the compiler says of a declaration. Each `@ts-expect-error` is a test of `npm run types`:
 * where the compiler stops objecting, the directive itself is an error. Here they also run, for a
 * declaration in JavaScript has no compiler.
 */
import { describe, expect, expectTypeOf, it } from 'vitest'
import { featureSet } from '../../src/apps/churn/features.js'
import {
  and,
  count,
  daysSince,
  eligible,
  features,
  happens,
  labels,
  latest,
  mean,
  not,
  ratio,
  seenWithin,
  sum,
  type FeatureValues,
} from '../../src/index.js'
import type { EventsOf } from '../../src/events/schema-types.js'
import { envelope } from '../support/envelope.js'

const schemas = {
  payment: {
    type: 'record',
    name: 'payment',
    fields: [
      ...envelope,
      { name: 'amount', type: 'double' },
      { name: 'fee', type: ['null', 'double'], default: null },
      { name: 'status', type: { type: 'enum', name: 'Status', symbols: ['paid', 'failed'] } },
      { name: 'is_first', type: 'boolean' },
      { name: 'lines', type: { type: 'array', items: 'string' } },
    ],
  },
  session: {
    type: 'record',
    name: 'session',
    fields: [...envelope, { name: 'device', type: ['null', 'string'], default: null }],
  },
} as const

const set = features('typed', 1, schemas, ({ on }) => ({
  payments_7d: count(on.payment).over('7d'),
  status: latest(on.payment.status),
  device: latest(on.session.device),
  is_first: latest(on.payment.is_first),
  fee: latest(on.payment.fee),
}))

describe('types that follow from the schemas', () => {
  it('values have the names and types of the declaration', () => {
    expectTypeOf<FeatureValues<typeof set>>().toEqualTypeOf<{
      readonly payments_7d: number | null
      readonly status: 'paid' | 'failed' | null
      readonly device: string | null
      readonly is_first: 'true' | 'false' | null
      readonly fee: number | null
    }>()
    // @ts-expect-error -- a misspelt feature
    const misspelt: keyof FeatureValues<typeof set> = 'payments_7days'
    expect(set.spec.features.map(({ name }) => name)).not.toContain(misspelt)
  })

  it('events have the types of their schemas', () => {
    expectTypeOf<EventsOf<typeof schemas>['payment']>().toEqualTypeOf<{
      readonly event_id: string
      readonly customer_id: string
      readonly occurred_at: number
      readonly amount: number
      readonly fee: number | null
      readonly status: 'paid' | 'failed'
      readonly is_first: boolean
      readonly lines: readonly string[]
    }>()
  })

  it('the built-in app has the types of its columns', () => {
    type Churn = FeatureValues<typeof featureSet>
    expectTypeOf<Churn['logins_last_7_days']>().toEqualTypeOf<number | null>()
    expectTypeOf<Churn['plan_type']>().toEqualTypeOf<
      'basic' | 'standard' | 'premium' | 'family' | null
    >()
    expect(featureSet.spec.features.find(({ name }) => name === 'plan_type')?.type).toBe('string')
  })
})

type Declare = Parameters<typeof features<typeof schemas, never>>[3]
type On = Parameters<Declare>[0]['on']

/** Declares one feature. */
function declare(one: (on: On) => never): () => unknown {
  return () => features('wrong', 1, schemas, ({ on }) => ({ feature: one(on) }) as never)
}

/** The directives stand above the one line that is wrong; `as never` is not what is refused. */
const wrong: readonly [what: string, code: RegExp, run: () => unknown][] = [
  [
    'a misspelt event',
    /EVENT_UNKNOWN.*did you mean session/,
    // @ts-expect-error -- on.sesion
    declare((on) => count(on.sesion).over('7d') as never),
  ],
  [
    'a misspelt field',
    /FIELD_UNKNOWN.*did you mean amount/,
    // @ts-expect-error -- amont
    declare((on) => sum(on.payment.amont).over('7d') as never),
  ],
  [
    'a sum of texts',
    /FEATURES_INVALID.*status, which is no number/s,
    // @ts-expect-error -- status is an enum
    declare((on) => sum(on.payment.status).over('7d') as never),
  ],
  [
    'a mean of events',
    /FEATURES_INVALID.*mean needs a field/s,
    // @ts-expect-error -- an event is no number
    declare((on) => mean(on.session).over('7d') as never),
  ],
  [
    'a field that no feature can read',
    /FEATURES_INVALID.*a type that no feature can read/s,
    // @ts-expect-error -- an array
    declare((on) => latest(on.payment.lines) as never),
  ],
  [
    'a condition on another event',
    /CONDITION_INVALID/,
    // @ts-expect-error -- a session has no status
    declare((on) => count(on.session).where(on.payment.status.is('paid')) as never),
  ],
  [
    'conditions on two events',
    /CONDITION_INVALID/,
    declare((on) => {
      const both = and(on.payment.status.is('paid'), on.session.device.is('tv'))
      // @ts-expect-error -- no event has both
      return count(on.payment).where(both) as never
    }),
  ],
  [
    'a value that an enum never has',
    /FEATURES_INVALID.*did you mean failed/s,
    // @ts-expect-error -- faild
    declare((on) => count(on.payment).where(on.payment.status.is('faild')) as never),
  ],
  [
    'a comparison with null',
    /FEATURES_INVALID.*null/s,
    // @ts-expect-error -- it would always be false
    declare((on) => count(on.session).where(on.session.device.is(null)) as never),
  ],
  [
    'an order of texts',
    /FEATURES_INVALID|is not a function/,
    // @ts-expect-error -- only numbers have an order
    declare((on) => count(on.session).where(on.session.device.above('a')) as never),
  ],
  [
    'a duration in months',
    /DURATION_INVALID.*180d/s,
    // @ts-expect-error -- months are not durations
    declare((on) => count(on.session).over('6 months') as never),
  ],
  [
    'a ratio of texts',
    /FEATURES_INVALID.*ratio of a category/s,
    // @ts-expect-error -- a status is no number
    declare((on) => ratio(latest(on.payment.status), count(on.payment)) as never),
  ],
  [
    'a moment as a feature',
    /FEATURES_INVALID.*latest needs a field/s,
    // @ts-expect-error -- daysSince makes a number of it
    () => features('wrong', 1, schemas, ({ on }) => ({ last: latest(on.session) })),
  ],
  [
    'a label on a misspelt event',
    /EVENT_UNKNOWN/,
    // @ts-expect-error -- on.sessions
    () => labels(schemas, ({ on }) => happens(on.sessions, { gap: '0d', horizon: '7d' })),
  ],
  [
    'eligibility by a condition on another event',
    /CONDITION_INVALID/,
    () =>
      eligible(schemas, ({ on: { session, payment } }) => {
        const where = payment.status.is('paid')
        // @ts-expect-error -- a session has no status
        return seenWithin(session, '7d', { where })
      }),
  ],
]

describe('what the compiler refuses is refused when it runs, too', () => {
  it.each(wrong)('%s', (_, code, run) => {
    let text = ''
    try {
      run()
    } catch (error) {
      const { code: found = '', message } = error as Error & { code?: string }
      text = `${found} ${message}`
    }
    expect(text).toMatch(code)
  })

  it('a field that is never null is always present, so only the compiler objects', () => {
    const always = declare((on) => {
      // @ts-expect-error -- it would always be true
      return count(on.payment).where(on.payment.amount.present()) as never
    })
    expect(always).not.toThrow()
  })

  it('what is right passes', () => {
    const right = features('right', 1, schemas, ({ on }) => ({
      small: count(on.payment)
        .where(and(on.payment.amount.below(10), not(on.payment.status.in('failed'))))
        .rate('30d', { tile: '1h' }),
      with_device: count(on.session.device).over('24h'),
      without: count(on.session).where(not(on.session.device.present())).over('24h'),
      last_paid: daysSince(latest(on.payment).where(on.payment.status.is('paid')).over('90d')),
    }))
    expect(right.spec.features).toHaveLength(4)
  })
})
