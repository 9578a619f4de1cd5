import { describe, expect, it } from 'vitest'
import { NaiveLog, type NaiveDeclaration, type NaiveRecord } from './support/naive.js'
import { exactSum, exactVariance } from './support/naive/exact.js'

describe('exact arithmetic of the naive implementation', () => {
  it.each([
    [[], 0],
    [[0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], 1],
    [[0.1, 0.2, 0.3], 0.6],
    [[1e16, 1, -1e16], 1],
    [[1e308, 1e308, -1e308], 1e308],
    [[1e308, 1e308], Infinity],
    [[Number.MAX_VALUE, 2 ** 969], Number.MAX_VALUE],
    [[Number.MAX_VALUE, 2 ** 970], Infinity],
    [[5e-324, 5e-324], 1e-323],
    [[5e-324, -5e-324], 0],
    [[-0, -0], 0],
    // A tie goes to the even neighbour, unless the least bit beyond decides.
    [[2 ** 53, 1], 2 ** 53],
    [[2 ** 53, 1, 5e-324], 2 ** 53 + 2],
    [[2 ** 53 + 2, 1], 2 ** 53 + 4],
    [[-(2 ** 53), -1], -(2 ** 53)],
  ])('the sum of %j is %j', (values, sum) => {
    expect(exactSum(values)).toBe(sum)
  })

  it.each([
    [[3, 5], 2],
    [[1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16], 30],
    [[3.3, 3.3, 3.3], 0],
    [[1e200, -1e200], Infinity],
    [[1e-300, 5e-324], 0],
    [[2 ** -537, -(2 ** -537)], 2 ** -1073],
  ])('the variance of %j is %j', (values, variance) => {
    expect(exactVariance(values)).toBe(variance)
  })
})

describe('rows of the naive implementation', () => {
  const day = 86_400_000
  const source = { event: 'buy', field: null, where: null }
  const declaration: NaiveDeclaration = {
    spec: {
      name: 'small',
      version: 1,
      features: [
        {
          name: 'buys',
          type: 'long',
          expression: { kind: 'count', source, window: { lengthMs: 7 * day, tileMs: day } },
          growing: false,
        },
      ],
    },
    eligible: { source, withinMs: 5 * day },
    label: { kind: 'event', source, gapMs: 0, horizonMs: 2 * day },
  }
  const at = (customer_id: string, days: number, loggedDays = days): NaiveRecord => ({
    partition: 0,
    offset: Math.round(loggedDays * 1000),
    loggedAt: loggedDays * day,
    type: 'buy',
    body: { event_id: `${customer_id}${days}`, customer_id, occurred_at: days * day },
  })
  const log = new NaiveLog(
    [at('～', 97), at('😀', 97.5), at('old', 94), at('b', 99), at('b', 98, 101), at('a', 101.5)],
    declaration,
  )

  it('a cut-off has the eligible customers in the order of the bytes of their ids', () => {
    const rows = log.cutoff(100 * day, 'known')
    expect(rows.map(({ customer, values }) => [customer, ...values])).toEqual([
      ['b', 1],
      ['～', 1],
      ['😀', 1],
    ])
  })

  it('what was logged later is seen by `happened` only', () => {
    const ask = { customer: 'b', asOf: 100 * day }
    expect(log.row(ask, 'known').values).toEqual([1])
    expect(log.row(ask, 'happened').values).toEqual([2])
    expect(
      log.row({ ...ask, prefix: { partition: 0, endOffset: 101_001 } }, 'known').values,
    ).toEqual([2])
  })

  it('a label is null while its time is beyond the log clock', () => {
    const label = (asOf: number): number | null => log.row({ customer: 'a', asOf }, 'known').label
    expect(label(99.5 * day)).toBe(0)
    expect(label(99.5 * day + 1)).toBe(1)
    expect(label(99.5 * day + 2)).toBe(null)
  })

  it('an unknown customer has a row of nulls', () => {
    const row = log.row({ customer: 'c', asOf: 100 * day }, 'known')
    expect(row).toMatchObject({ values: [null], seen: false, eligible: false, retired: false })
  })
})
