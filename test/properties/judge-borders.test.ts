import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FeatureSetSpec, WindowSpec } from '../../src/features/spec.js'
import { dayMs, hourMs } from '../support/arbitrary-spec.js'
import { judgeAll } from '../support/engine-loop.js'
import { NaiveLog, type NaiveRecord } from '../support/naive.js'
import { holdsAlways, propertySeed, propertyTimeoutMs } from '../support/properties.js'
import { testEngine } from '../support/test-engine.js'

const start = Date.parse('2024-02-28T10:00:00Z')

const windowed = (name: string, event: string, window: WindowSpec | null) =>
  ({
    name,
    type: 'long',
    growing: false,
    expression: { kind: 'count', source: { event, field: null, where: null }, window },
  }) as const

/** `buy` is kept for 30 d in day tiles (and 7 d in hours), `move` for ever, `visit` is read by none. */
const spec: FeatureSetSpec = {
  name: 'borders',
  version: 1,
  features: [
    windowed('week', 'buy', { lengthMs: 7 * dayMs, tileMs: hourMs }),
    windowed('month', 'buy', { lengthMs: 30 * dayMs, tileMs: dayMs }),
    windowed('moves_week', 'move', { lengthMs: 7 * dayMs, tileMs: hourMs }),
    windowed('moves', 'move', null),
  ],
}

type Sketch = readonly [type: string, occurredAt: number, id?: string, loggedAt?: number]

/** Records of one customer; without a time of its own a record is logged in time. */
function recordsOf(sketches: readonly Sketch[], customer = 'a'): NaiveRecord[] {
  return sketches.map(([type, occurred_at, id, loggedAt], offset) => ({
    partition: 0,
    offset,
    loggedAt: loggedAt ?? occurred_at,
    type,
    body: { event_id: id ?? `e${offset}`, customer_id: customer, occurred_at, source: 'test' },
  }))
}

/** The verdicts of the engine, which must be those of the naive implementation. */
function verdicts(records: readonly NaiveRecord[]): string[] {
  const found = judgeAll(testEngine(spec, null), records).map(({ verdict }) => verdict)
  const due = new NaiveLog(records, { spec, eligible: null, label: null }).decisions
  expect(found).toEqual(due.map(({ outcome }) => outcome))
  return found
}

describe('duplicates', () => {
  it.each([
    [dayMs - 1, 'duplicate'],
    [dayMs, 'accepted'],
    [dayMs + 1, 'accepted'],
  ])('an id seen %i ms of log clock ago: %s', (later, verdict) => {
    const records = recordsOf([
      ['visit', start, 'x'],
      ['visit', start + later, 'x'],
    ])
    expect(verdicts(records)).toEqual(['accepted', verdict])
  })

  it('age counts by the log clock, which other events move, not by occurred_at', () => {
    const records = recordsOf([
      ['visit', start, 'x'],
      ['visit', start + dayMs],
      ['visit', start, 'x'],
    ])
    expect(verdicts(records)).toEqual(['accepted', 'accepted', 'accepted'])
  })

  it('a repeat does not start the 24 hours again, but it moves the clock', () => {
    const records = recordsOf([
      ['visit', start, 'x'],
      ['visit', start, 'y'],
      ['visit', start + dayMs - 1, 'x'],
      ['visit', start, 'y'],
      ['visit', start + dayMs, 'x'],
      ['visit', start, 'y'],
    ])
    const due = ['accepted', 'accepted', 'duplicate', 'duplicate', 'accepted', 'accepted']
    expect(verdicts(records)).toEqual(due)
  })

  it('an id is the same whatever the type of its events', () => {
    const records = recordsOf([
      ['visit', start, 'x'],
      ['buy', start, 'x'],
    ])
    expect(verdicts(records)).toEqual(['accepted', 'duplicate'])
  })

  it.each([
    [1023, 'duplicate'],
    [1024, 'accepted'],
  ])('an id behind %i other ids of the last day: %s', (others, verdict) => {
    const fillers = Array.from({ length: others }, (): Sketch => ['visit', start])
    const records = recordsOf([['visit', start, 'x'], ...fillers, ['visit', start, 'x']])
    expect(verdicts(records).at(-1)).toBe(verdict)
  })

  it('a repeat takes no place among the 1,024 ids', () => {
    const fillers = Array.from({ length: 1023 }, (): Sketch => ['visit', start])
    const repeats = Array.from({ length: 50 }, (): Sketch => ['visit', start, 'e5'])
    const records = recordsOf([
      ['visit', start, 'x'],
      ...fillers,
      ...repeats,
      ['visit', start, 'x'],
    ])
    expect(verdicts(records).at(-1)).toBe('duplicate')
  })

  it('an id seen for a first time again counts from then on, among many others too', () => {
    const others = Array.from({ length: 20 }, (): Sketch => ['visit', start])
    const again = others.map(([type, at]): Sketch => [type, at + dayMs])
    const records = recordsOf([
      ['visit', start, 'x'],
      ...others,
      ['visit', start + dayMs, 'x'],
      ...again,
      ['visit', start + dayMs + 2 * hourMs, 'x'],
    ])
    const found = verdicts(records)
    expect([found[21], found[42]]).toEqual(['accepted', 'duplicate'])
  })

  it('a late event is remembered as seen', () => {
    const records = recordsOf([
      ['visit', start],
      ['buy', start - 40 * dayMs, 'x'],
      ['buy', start, 'x'],
    ])
    expect(verdicts(records)).toEqual(['accepted', 'late', 'duplicate'])
  })

  it(
    `ids come and go as in the naive list (PROPERTY_SEED=${propertySeed})`,
    () => {
      const step = fc.tuple(
        fc.constantFrom(0, 0, 0, 0, 1, hourMs, 12 * hourMs, dayMs - 1, dayMs),
        fc.integer({ min: 1, max: 120 }),
        fc.constantFrom('new', 'new', 'old'),
        fc.nat({ max: 1100 }),
      )
      const property = fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const sketches: Sketch[] = []
        let at = start
        for (const [wait, count, which, back] of steps) {
          at += wait
          for (let i = 0; i < count; i++) {
            const known = sketches[Math.max(0, sketches.length - back)]?.[2]
            const id = which === 'old' ? known : undefined
            sketches.push(['visit', at, id ?? `n${sketches.length}`])
          }
        }
        expect(verdicts(recordsOf(sketches))).toHaveLength(sketches.length)
      })
      holdsAlways(25, property)
    },
    propertyTimeoutMs,
  )
})

describe('late events', () => {
  const clockAt = Date.parse('2024-03-31T00:00:00.000Z')
  const floor = clockAt - 30 * dayMs

  it.each([
    ['one ms below the oldest tile', floor - 1, 'late'],
    ['at the border of the oldest tile', floor, 'accepted'],
    ['one ms above it', floor + 1, 'accepted'],
  ])('%s', (_, occurredAt, verdict) => {
    // The newest event lies one ms before the clock.
    const records = recordsOf([
      ['other', clockAt - 1],
      ['buy', occurredAt],
    ])
    expect(verdicts(records)).toEqual(['accepted', verdict])
  })

  it('the oldest tile is that of the clock, which stands one ms behind the newest event', () => {
    const records = recordsOf([
      ['other', clockAt - 2],
      ['buy', floor - 1],
    ])
    expect(verdicts(records)).toEqual(['accepted', 'accepted'])
  })

  it('types that are read over the whole history, or not at all, are never late', () => {
    const records = recordsOf([
      ['other', clockAt],
      ['move', clockAt - 9000 * dayMs],
      ['visit', clockAt - 9000 * dayMs],
    ])
    expect(verdicts(records)).toEqual(['accepted', 'accepted', 'accepted'])
  })
})
