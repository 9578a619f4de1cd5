/** The schemas that random feature sets are declared over, and sources drawn from them. */
import fc from 'fast-check'
import type { EventSchemas } from '../../src/events/schema-types.js'
import type { ConditionSpec, SourceSpec } from '../../src/features/spec.js'

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

export const eventName: fc.Arbitrary<EventName> = fc.constantFrom('buy', 'buy', 'move', 'visit')
const eventWithFields = fc.constantFrom('buy' as const, 'move' as const)

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

export const ofEvent = eventName.chain((event) => source(event, null))
export const ofNumber = eventWithFields.chain((event) =>
  fc.constantFrom(...numbersOf[event]).chain((field) => source(event, field)),
)
export const ofWord = eventWithFields.chain((event) =>
  fc.constantFrom(...wordsOf[event]).chain((field) => source(event, field)),
)
/** What is counted or summed. */
export const total = fc.oneof(
  fc.record({ of: fc.constant('count' as const), source: ofEvent }),
  fc.record({ of: fc.constant('sum' as const), source: ofNumber }),
)
