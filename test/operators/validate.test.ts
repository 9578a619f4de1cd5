import { describe, expect, it } from 'vitest'
import type { EventRules } from '../../src/events/event.js'
import { Item } from '../../src/operators/batch.js'
import { Progress } from '../../src/operators/progress.js'
import { futureMsMax, moveLogTime, validateItem } from '../../src/operators/validate.js'

const noRules: EventRules = { check: () => null }
const noonMs = Date.parse('2024-02-29T12:00:00Z')

/** Validates one event after another and tells what each left behind. */
function validate(events: readonly { occurredAt: number; timestamp: number }[], rules = noRules) {
  const progress = new Progress(null, 0)
  return events.map(({ occurredAt, timestamp }, offset) => {
    const key = Buffer.from('a')
    const item = new Item<null>({ offset, key, value: null, timestamp, headers: [] })
    item.outcome = 'pending'
    item.body = { event_id: `e${offset}`, customer_id: 'a', occurred_at: occurredAt }
    moveLogTime(item, progress)
    validateItem(item, progress, { rules, partition: 0, partitions: 1 }, 0)
    const { logClock, logTime } = progress
    return { outcome: item.outcome, code: item.reject?.code, logClock, logTime }
  })
}

describe('the future check', () => {
  it.each([
    [futureMsMax - 1, 'valid'],
    [futureMsMax, 'valid'],
    [futureMsMax + 1, 'rejected'],
  ])('an event %i ms ahead of its record is %s', (ahead, outcome) => {
    const [found] = validate([{ occurredAt: noonMs + ahead, timestamp: noonMs }])
    expect(found.outcome).toBe(outcome)
    expect(found.code).toBe(outcome === 'valid' ? undefined : 'EVENT_IN_FUTURE')
  })

  it('asks the record, not the log time, which may be far ahead of it', () => {
    const found = validate([
      { occurredAt: noonMs, timestamp: noonMs + 3_600_000 },
      { occurredAt: noonMs + futureMsMax + 1, timestamp: noonMs },
    ])
    expect(found.map(({ outcome }) => outcome)).toEqual(['valid', 'rejected'])
  })
})

describe('log clock and log time', () => {
  it('the clock stands one ms behind the newest valid event and never steps back', () => {
    const found = validate([
      { occurredAt: noonMs, timestamp: noonMs },
      { occurredAt: noonMs - 5, timestamp: noonMs },
      { occurredAt: noonMs + 1, timestamp: noonMs },
    ])
    const clocks = found.map(({ logClock }) => logClock - noonMs)
    expect(clocks).toEqual([1, 1, 2])
  })

  it('log time is the largest record timestamp so far', () => {
    const timestamps = [noonMs, noonMs - 1000, noonMs + 1]
    const found = validate(timestamps.map((timestamp) => ({ occurredAt: noonMs, timestamp })))
    expect(found.map(({ logTime }) => logTime - noonMs)).toEqual([0, 0, 1])
  })

  it('a reject moves log time and not the clock', () => {
    const refusing: EventRules = { check: () => ({ code: 'FIELD_RANGE', reason: 'for the test' }) }
    const events = [{ occurredAt: noonMs, timestamp: noonMs }]
    expect(validate(events, refusing)).toEqual([
      { outcome: 'rejected', code: 'FIELD_RANGE', logClock: 0, logTime: noonMs },
    ])
    const early = validate([{ occurredAt: noonMs + futureMsMax + 1, timestamp: noonMs }])
    expect(early).toMatchObject([{ logClock: 0, logTime: noonMs }])
  })
})
