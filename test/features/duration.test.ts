import { describe, expect, it } from 'vitest'
import { defaultTileMs, parseDuration, windowOf } from '../../src/features/duration.js'

const day = 86_400_000
const hour = 3_600_000

describe('durations', () => {
  it.each([
    ['1ms', 1],
    ['30s', 30_000],
    ['90m', 5_400_000],
    ['24h', day],
    ['0d', 0],
    ['36525d', 36_525 * day],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each([
    '',
    'd',
    '7',
    '7 d',
    ' 7d',
    '7d ',
    '1.5d',
    '-1d',
    '+1d',
    '07d',
    '1e3d',
    '7D',
    '1w',
    '6mo',
    '1y',
    '1h30m',
    '7d foo',
    '１d',
    '36526d',
    '99999999999999999999ms',
  ])('%j is refused', (text) => {
    expect(() => parseDuration(text)).toThrow(
      expect.objectContaining({ code: 'DURATION_INVALID', exit: 78 }),
    )
  })
})

describe('windows', () => {
  it.each([
    ['1h', 60_000],
    ['24h', hour],
    ['7d', hour],
    ['8d', hour],
    ['30d', day],
    ['365d', day],
    ['90m', 60_000],
    ['25h', hour],
    ['36h', hour],
    ['24ms', 1],
    ['10ms', 1],
    ['1ms', 1],
    ['24s', 1_000],
    ['23s', 1],
  ])('the default tile of %s is %i ms', (length, tileMs) => {
    expect(windowOf(length).tileMs).toBe(tileMs)
  })

  it('a default tile divides the window and is at most 1/24 of it, unless that is 1 ms', () => {
    for (let minutes = 1; minutes < 5_000; minutes += 7) {
      const length = minutes * 60_000
      const tile = defaultTileMs(length)
      expect(length % tile).toBe(0)
      expect(tile * 24).toBeLessThanOrEqual(length)
    }
  })

  it('an explicit tile is any that divides the window', () => {
    expect(windowOf('7d', '7d')).toEqual({ lengthMs: 7 * day, tileMs: 7 * day })
    expect(windowOf('1h', '5m')).toEqual({ lengthMs: hour, tileMs: 300_000 })
  })

  it.each([
    ['7d', '5h'],
    ['1h', '2h'],
    ['7d', '0d'],
    ['0d', undefined],
  ])('a window of %s in tiles of %s is refused', (length, tile) => {
    expect(() => windowOf(length, tile)).toThrow(
      expect.objectContaining({ code: 'WINDOW_INVALID', exit: 78 }),
    )
  })
})
