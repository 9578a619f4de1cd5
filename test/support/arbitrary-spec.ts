/** Feature sets at random over one small schema: every kind, many windows and tiles. */
import fc from 'fast-check'
import type { EventSchemas } from '../../src/events/schema-types.js'
import { columnType } from '../../src/features/field-types.js'
import type {
  ConditionSpec,
  EligibleSpec,
  FeatureExpression,
  FeatureSetSpec,
  SourceSpec,
  WindowSpec,
} from '../../src/features/spec.js'

const envelope = [
  { name: 'event_id', type: 'string' },
  { name: 'customer_id', type: 'string' },
  { name: 'occurred_at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  { name: 'source', type: 'string', default: 'test' },
] as const

/** `buy` and `move` are read by features, `visit` by few of them, `other` by none. */
export const testSchemas = {
  buy: {
    type: 'record',
    name: 'buy',
    fields: [
      ...envelope,
      { name: 'amount', type: ['null', 'double'], default: null },
      { name: 'units', type: 'long' },
      { name: 'shop', type: ['null', 'string'], default: null },
    ],
  },
  move: {
    type: 'record',
    name: 'move',
    fields: [
      ...envelope,
      { name: 'plan', type: { type: 'enum', name: 'plan', symbols: ['free', 'basic', 'pro'] } },
      { name: 'paid', type: ['null', 'boolean'], default: null },
      { name: 'price', type: 'double' },
    ],
  },
  other: { type: 'record', name: 'other', fields: envelope },
  visit: { type: 'record', name: 'visit', fields: envelope },
} as const satisfies EventSchemas

type EventName = 'buy' | 'move' | 'visit'

const numbersOf = { buy: ['amount', 'units'], move: ['price'], visit: [] } as const
const wordsOf = { buy: ['shop'], move: ['plan', 'paid'], visit: [] } as const

export const minuteMs = 60_000
export const hourMs = 3_600_000
export const dayMs = 86_400_000

const eventName: fc.Arbitrary<EventName> = fc.constantFrom('buy', 'buy', 'move', 'visit')
const eventWithFields = fc.constantFrom('buy' as const, 'move' as const)

const lengths = [
  ...[1, 2, 24, 25, 36].map((hours) => hours * hourMs),
  ...[2, 7, 8, 30, 90, 180, 365].map((days) => days * dayMs),
  90 * minuteMs,
  1,
  1000,
]
const tiles = [1, 1000, minuteMs, 5 * minuteMs, hourMs, 6 * hourMs, dayMs, 7 * dayMs]

/** The default tile in five of eight windows, else any usual one that divides the length. */
export const windowSpec: fc.Arbitrary<WindowSpec> = fc
  .tuple(fc.constantFrom(...lengths), fc.nat({ max: 7 }), fc.nat({ max: 31 }))
  .map(([lengthMs, way, pick]) => {
    const dividing = [...tiles.filter((tileMs) => lengthMs % tileMs === 0), lengthMs]
    const usual = [1, 1000, minuteMs, hourMs, dayMs].filter(
      (tileMs) => lengthMs % tileMs === 0 && tileMs * 24 <= lengthMs,
    )
    const tileMs = way < 5 ? Math.max(1, ...usual) : dividing[pick % dividing.length]
    return { lengthMs, tileMs }
  })

const windowOrAll = fc.option(windowSpec, { freq: 4, nil: null })

const leaf: Record<EventName, fc.Arbitrary<ConditionSpec>> = {
  buy: fc.oneof(
    fc.record({
      op: fc.constantFrom('=', '!=', '<', '<=', '>', '>='),
      field: fc.constantFrom('amount', 'units'),
      value: fc.constantFrom(0, 1, 0.1, 100, -7.5),
    }),
    fc.record({
      op: fc.constantFrom('=', '!='),
      field: fc.constant('shop'),
      value: fc.constantFrom('', 'é', 'north'),
    }),
    fc.constant({ op: 'in', field: 'shop', values: ['north', '😀'] } as const),
    fc.constant({ op: 'in', field: 'units', values: [1, 3] } as const),
    fc.record({ op: fc.constant('present'), field: fc.constantFrom('amount', 'shop') }),
    fc.constant({ op: 'not', of: { op: 'present', field: 'amount' } } as const),
  ),
  move: fc.oneof(
    fc.record({
      op: fc.constantFrom('=', '!='),
      field: fc.constant('plan'),
      value: fc.constantFrom('free', 'pro'),
    }),
    fc.record({
      op: fc.constantFrom('=', '!='),
      field: fc.constant('paid'),
      value: fc.boolean(),
    }),
    fc.record({
      op: fc.constantFrom('<', '>='),
      field: fc.constant('price'),
      value: fc.constant(1),
    }),
  ),
  visit: fc.constant({ op: 'present', field: 'source' }),
}

function condition(event: EventName): fc.Arbitrary<ConditionSpec | null> {
  const one = leaf[event]
  const many = fc.record({
    op: fc.constantFrom('and', 'or'),
    of: fc.array(one, { minLength: 2, maxLength: 3 }),
  })
  return event === 'visit' ? fc.constant(null) : fc.option(fc.oneof(one, many), { freq: 1 })
}

function source(event: EventName, field: string | null): fc.Arbitrary<SourceSpec> {
  return condition(event).map((where) => ({ event, field, where }))
}

const ofEvent = eventName.chain((event) => source(event, null))
const ofNumber = eventWithFields.chain((event) =>
  fc.constantFrom(...numbersOf[event]).chain((field) => source(event, field)),
)
const ofWord = eventWithFields.chain((event) =>
  fc.constantFrom(...wordsOf[event]).chain((field) => source(event, field)),
)
const total = fc.oneof(
  fc.record({ of: fc.constant('count' as const), source: ofEvent }),
  fc.record({ of: fc.constant('sum' as const), source: ofNumber }),
)

const counted = fc.record({
  kind: fc.constant('count' as const),
  source: fc.oneof(ofEvent, ofNumber, ofWord),
  window: windowOrAll,
})

const measured = fc.record({
  kind: fc.constantFrom('sum', 'mean', 'min', 'max', 'stddev'),
  source: ofNumber,
  window: windowOrAll,
})

const rated = fc
  .tuple(total, windowSpec)
  .map(([{ of, source }, window]) => ({ kind: 'rate', of, source, window }) as const)

const dated = fc.record({
  kind: fc.constant('daysSince' as const),
  of: fc.constantFrom('latest', 'first'),
  source: ofEvent,
  window: windowOrAll,
})

const divided = fc.record({
  kind: fc.constant('ratio' as const),
  numerator: fc.oneof(counted, measured, rated, dated),
  denominator: fc.oneof(counted, measured, rated, dated),
})

/** The longer window includes the shorter one. */
const changed = fc
  .tuple(total, windowSpec, windowSpec)
  .filter(([, one, other]) => one.lengthMs !== other.lengthMs)
  .map(([{ of, source }, one, other]) => {
    const [window, against] = one.lengthMs < other.lengthMs ? [one, other] : [other, one]
    return { kind: 'change', of, source, window, against } as const
  })

const taken = fc.record({
  kind: fc.constantFrom('latest', 'first'),
  source: fc.oneof(ofWord, ofNumber),
  window: windowOrAll,
})

const differing = fc.record({
  kind: fc.constant('distinct' as const),
  source: fc.oneof(ofWord, ofNumber),
  window: windowOrAll,
})

const aged = fc.record({
  kind: fc.constant('tenure' as const),
  source: eventName.map((event) => ({ event, field: null, where: null })),
})

const expression: fc.Arbitrary<FeatureExpression> = fc.oneof(
  counted,
  differing,
  { weight: 3, arbitrary: measured },
  rated,
  dated,
  aged,
  fc.oneof(divided, changed),
  { weight: 2, arbitrary: taken },
)

export const featureSetSpec: fc.Arbitrary<FeatureSetSpec> = fc
  .array(expression, { minLength: 1, maxLength: 7, size: 'max' })
  .map((all) => ({
    name: 'random',
    version: 1,
    features: all.map((one, i) => ({
      name: `f${i}`,
      type: columnType(one, testSchemas),
      expression: one,
      growing: false,
    })),
  }))

export const eligibleSpec: fc.Arbitrary<EligibleSpec | null> = fc.option(
  fc.record({
    source: ofEvent,
    withinMs: fc.constantFrom(hourMs, 7 * dayMs, 90 * dayMs, 1),
  }),
)
