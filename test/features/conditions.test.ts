import { describe, expect, it } from 'vitest'
import type { EventBody } from '../../src/events/event.js'
import { conditionOf } from '../../src/features/extract.js'
import { events } from '../../src/features/refs.js'
import type { ConditionSpec } from '../../src/features/spec.js'
import { and, not, or, type Condition } from '../../src/index.js'

const { buy, move } = events({
  buy: {
    type: 'record',
    name: 'buy',
    fields: [
      { name: 'amount', type: ['null', 'double'] },
      { name: 'shop', type: ['null', 'string'] },
    ],
  },
  move: {
    type: 'record',
    name: 'move',
    fields: [{ name: 'paid', type: ['null', 'boolean'] }],
  },
} as const)

const holds = (condition: Condition<string>, fields: object): boolean =>
  conditionOf(condition.spec)(fields as EventBody)

describe('conditions', () => {
  it.each<[string, Condition<string>, readonly object[], readonly object[]]>([
    ['is', buy.shop.is('a"b\\'), [{ shop: 'a"b\\' }], [{ shop: 'a' }]],
    ['isNot', buy.shop.isNot('a'), [{ shop: 'b' }, { shop: '' }], [{ shop: 'a' }]],
    ['in', buy.shop.in('a', 'b'), [{ shop: 'b' }], [{ shop: 'c' }]],
    ['above', buy.amount.above(1), [{ amount: 1.5 }], [{ amount: 1 }, { amount: -2 }]],
    ['atLeast', buy.amount.atLeast(1), [{ amount: 1 }], [{ amount: 0.5 }]],
    ['below', buy.amount.below(1), [{ amount: 0 }, { amount: -0 }], [{ amount: 1 }]],
    ['atMost', buy.amount.atMost(0), [{ amount: -0 }, { amount: -1 }], [{ amount: 1 }]],
    ['a boolean', move.paid.is(false), [{ paid: false }], [{ paid: true }]],
    ['present', buy.amount.present(), [{ amount: 0 }], []],
    [
      'and',
      and(buy.amount.above(1), buy.shop.is('a')),
      [{ amount: 2, shop: 'a' }],
      [{ amount: 2, shop: 'b' }],
    ],
    [
      'or',
      or(buy.amount.above(1), buy.shop.is('a')),
      [
        { amount: 0, shop: 'a' },
        { amount: 2, shop: null },
      ],
      [{ amount: 0, shop: 'b' }],
    ],
  ])('%s holds where it should, and never on null', (_, condition, right, wrong) => {
    for (const fields of right) expect(holds(condition, fields)).toBe(true)
    for (const fields of wrong) expect(holds(condition, fields)).toBe(false)
    expect(holds(condition, { amount: null, shop: null, paid: null })).toBe(false)
    expect(holds(condition, {})).toBe(false)
  })

  it.each<[string, Condition<string>]>([
    ['is', not(buy.shop.is('a'))],
    ['in', not(buy.shop.in('a', 'b'))],
    ['above', not(buy.amount.above(1))],
    ['and', not(and(buy.amount.above(1), buy.shop.is('a')))],
    ['or', not(or(buy.amount.above(1), buy.shop.is('a')))],
    ['not', not(not(buy.shop.is('a')))],
  ])('the opposite of %s is false on null, too', (_, condition) => {
    expect(holds(condition, { amount: null, shop: null })).toBe(false)
    const plain: ConditionSpec[] = [condition.spec]
    expect(JSON.stringify(plain)).not.toContain('"not"')
  })

  it('the opposite holds exactly where the condition does not', () => {
    const both = and(buy.amount.above(1), or(buy.shop.is('a'), buy.shop.in('b', 'c')))
    for (const amount of [0, 1, 2]) {
      for (const shop of ['a', 'b', 'd']) {
        expect(holds(not(both), { amount, shop })).toBe(!holds(both, { amount, shop }))
      }
    }
    expect(holds(not(buy.shop.present()), { shop: null })).toBe(true)
    expect(holds(not(buy.shop.present()), { shop: '' })).toBe(false)
  })

  it('a hand-written opposite means the same', () => {
    const spec: ConditionSpec = { op: 'not', of: { op: '=', field: 'shop', value: 'a' } }
    expect(conditionOf(spec)({ shop: 'b' } as unknown as EventBody)).toBe(true)
    expect(conditionOf(spec)({ shop: null } as unknown as EventBody)).toBe(false)
  })

  it('no code can be put into one', () => {
    const spec: ConditionSpec = { op: 'present', field: 'a;process.exit(1)' }
    expect(() => conditionOf(spec)).toThrow('not an Avro name')
    const text = buy.shop.is('${process.exit(1)}`";process.exit(1)//\u2028')
    expect(holds(text, { shop: 'x' })).toBe(false)
  })
})
