import { describe, expect, it } from 'vitest'
import { eligible, happens, labels, lapse, seenWithin } from '../../src/index.js'
import type { EventBody } from '../../src/events/event.js'
import { vectorSchemas as schemas } from '../support/vectors-app.js'

const day = 86_400_000
const body = (fields: object): EventBody => ({
  event_id: 'e',
  customer_id: 'c',
  occurred_at: 1,
  ...fields,
})

describe('labels', () => {
  it('a lapse matches every event of its type', () => {
    const label = labels(schemas, ({ on }) => lapse(on.order, { gap: '1d', horizon: '7d' }))
    expect(label).toMatchObject({ kind: 'lapse', gapMs: day, horizonMs: 7 * day, types: [0] })
    expect(label.matches(0, body({ amount: null }))).toBe(true)
    expect(label.matches(1, body({ plan: 'a' }))).toBe(false)
  })

  it('an event may be chosen by a condition, which is false on null', () => {
    const label = labels(schemas, ({ on }) =>
      happens(on.plan, { gap: '0d', horizon: '30d', where: on.plan.plan.isNot('gone') }),
    )
    expect(label).toMatchObject({ kind: 'event', gapMs: 0, types: [1] })
    expect(label.matches(1, body({ plan: 'basic' }))).toBe(true)
    expect(label.matches(1, body({ plan: 'gone' }))).toBe(false)
    expect(label.matches(1, body({ plan: null }))).toBe(false)
    expect(label.matches(0, body({ plan: 'basic' }))).toBe(false)
  })

  it('a horizon of nothing is refused', () => {
    const wrong = () => labels(schemas, ({ on }) => lapse(on.order, { gap: '1d', horizon: '0d' }))
    expect(wrong).toThrow(expect.objectContaining({ code: 'LABEL_INVALID', exit: 78 }))
  })
})

describe('eligibility', () => {
  it('is an exact window over the events of a source', () => {
    expect(eligible(schemas, ({ on }) => seenWithin(on.order, '90d'))).toEqual({
      source: { event: 'order', field: null, where: null },
      withinMs: 90 * day,
    })
  })

  it('of no length is refused', () => {
    expect(() => eligible(schemas, ({ on }) => seenWithin(on.order, '0d'))).toThrow(
      expect.objectContaining({ code: 'FEATURES_INVALID', exit: 78 }),
    )
  })
})
