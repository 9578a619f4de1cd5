/** Each operator for topologies of one's own: what it makes of events, and of bad ones. */
import { describe, expect, test } from 'vitest'
import {
  always,
  branch,
  filter,
  flatMap,
  type Folds,
  hopping,
  join,
  jsonEvents,
  keyBy,
  map,
  merge,
  session,
  sliding,
  topology,
  tumbling,
} from '../../src/index.js'
import { type OwnEvent, type OwnOutcome, runOwn } from '../support/own-topology.js'

const events = jsonEvents({ order: { amount: 'number' }, profile: { country: 'string?' } })

let clock = 0
const order = (customer_id: string, amount: number): OwnEvent => ({
  type: 'order',
  customer_id,
  occurred_at: ++clock,
  amount,
})
const profile = (customer_id: string, country: string | null): OwnEvent => ({
  type: 'profile',
  customer_id,
  occurred_at: ++clock,
  country,
})

/** The last value of each key. */
function valuesOf({ rows }: OwnOutcome): Record<string, unknown> {
  return Object.fromEntries(rows.map(({ key, values }) => [key, values]))
}

const total = {
  window: always(),
  values: (fold: Folds<number>) => ({ n: fold.count(), sum: fold.sum((amount) => amount) }),
}

describe('stateless operators', () => {
  test('filter narrows the type, map makes values, keyBy says by what is aggregated', async () => {
    const sums = topology({
      name: 'sums',
      events,
      operators: (events$) =>
        events$.pipe(
          filter('orders', (event) => event.type === 'order'),
          map('amount', (order, { key }) => ({ customer: key, cents: order.amount * 100 })),
          keyBy('parity', ({ cents }) => (cents % 200 === 0 ? 'even' : 'odd')),
          map('cents', ({ cents }) => cents),
        ),
      aggregate: total,
    })
    const outcome = await runOwn(sums, [
      [order('a', 1), profile('a', 'fr'), order('b', 2), order('a', 3)],
    ])
    expect(valuesOf(outcome)).toEqual({ odd: { n: 2, sum: 400 }, even: { n: 1, sum: 200 } })
    expect(outcome.report).toMatchObject({ ok: true, records: 4 })
  })

  test('branch sends each event one way, and merge brings both together in log order', async () => {
    const seen: number[] = []
    const all = topology({
      name: 'all',
      events,
      operators: (events$) => {
        const [orders$, profiles$] = branch('orders', events$, (event) => event.type === 'order')
        return merge(
          profiles$.pipe(map('length', ({ country }) => country?.length ?? 0)),
          orders$.pipe(map('amount', ({ amount }) => amount)),
        ).pipe(
          map('seen', (value) => {
            seen.push(value)
            return value
          }),
        )
      },
      aggregate: total,
    })
    const outcome = await runOwn(all, [[order('a', 7), profile('a', 'fra'), order('a', 9)]])
    expect(valuesOf(outcome)).toEqual({ a: { n: 3, sum: 19 } })
    expect(seen.slice(0, 3)).toEqual([7, 3, 9])
  })

  test('an event that is in two merged streams comes twice, and is rejected once', async () => {
    const twice = topology({
      name: 'twice',
      events: jsonEvents({ order: { amount: 'number' } }),
      operators: (orders$) => {
        const positive$ = orders$.pipe(
          filter('positive', ({ amount }) => {
            if (amount === 13) throw new RangeError('thirteen')
            return amount > 0
          }),
        )
        const [big$, small$] = branch('big', positive$, ({ amount }) => amount > 5)
        return merge(big$, big$, small$).pipe(map('amount', ({ amount }) => amount))
      },
      aggregate: total,
    })
    const outcome = await runOwn(twice, [[order('a', 7), order('a', 1), order('a', 13)]])
    expect(valuesOf(outcome)).toEqual({ a: { n: 3, sum: 15 } })
    expect(outcome.setAside).toEqual(['2 OPERATOR_FAILED'])
  })
})

describe('bad input', () => {
  test('an operator that throws makes its event a reject, and the others go on', async () => {
    const picky = topology({
      name: 'picky',
      events: jsonEvents({ order: { amount: 'number' } }),
      operators: (orders$) =>
        orders$.pipe(
          flatMap('split', ({ amount }) => {
            if (amount < 0) throw new RangeError('a negative amount')
            return [amount, amount]
          }),
        ),
      aggregate: {
        ...total,
        values: (fold) => ({
          n: fold.count(),
          own: fold.of({
            type: 'long',
            create: () => 0,
            add: (sum, amount) => {
              if (amount === 3) throw new Error('no threes')
              return sum + amount
            },
            merge: (a, b) => a + b,
            result: (sum) => sum,
          }),
        }),
      },
    })
    const outcome = await runOwn(picky, [
      [order('a', 1), order('a', -1), order('a', 3), order('b', 2)],
    ])
    expect(valuesOf(outcome)).toEqual({ a: { n: 2, own: 2 }, b: { n: 2, own: 4 } })
    expect(outcome.setAside).toEqual([
      '1 OPERATOR_FAILED',
      '2 OPERATOR_FAILED',
      '2 OPERATOR_FAILED',
    ])
    expect(outcome.report.ok).toBe(true)
  })

  test('a key that is empty, too long or reserved is a reject', async () => {
    const keys = ['', 'k'.repeat(257), '\u0000', 'good']
    const keyed = topology({
      name: 'keyed',
      events: jsonEvents({ order: { amount: 'number' } }),
      operators: (orders$) =>
        orders$.pipe(
          map('amount', ({ amount }) => amount),
          keyBy('key', (amount) => keys[amount]),
        ),
      aggregate: total,
    })
    const outcome = await runOwn(keyed, [keys.map((_, i) => order('a', i))])
    expect(valuesOf(outcome)).toEqual({ good: { n: 1, sum: 3 } })
    expect(outcome.setAside).toEqual(['0 KEY_MISSING', '1 KEY_TOO_LONG', '2 KEY_INVALID'])
  })

  test('what is no event of the schemas is a reject', async () => {
    const all = topology({
      name: 'all',
      events,
      operators: (events$) => events$.pipe(map('one', () => 1)),
      aggregate: total,
    })
    const wrong = { ...order('a', 1), amount: 'one' }
    const unknown = { ...order('a', 1), type: 'refund' }
    const outcome = await runOwn(all, [[wrong, unknown, order('a', 1)]])
    expect(outcome.setAside).toEqual(['0 FIELD_INVALID', '1 TYPE_UNKNOWN'])
  })

  test.each([
    ['a hop longer than its window', () => hopping('1h', { every: '2h' }), 'WINDOW_INVALID'],
    [
      'more than a thousand windows an event',
      () => hopping('1d', { every: '1s' }),
      'WINDOW_INVALID',
    ],
    ['a window without length', () => tumbling('0h'), 'WINDOW_INVALID'],
    ['a tile that does not divide', () => sliding('1h', { tile: '7m' }), 'WINDOW_INVALID'],
    ['more than ten thousand tiles', () => sliding('1d', { tile: '1ms' }), 'WINDOW_INVALID'],
    ['months', () => session('1mo' as '1m'), 'DURATION_INVALID'],
  ])('%s is refused when it is declared', (_, declare, code) => {
    expect(declare).toThrow(expect.objectContaining({ code }))
  })

  test.each([
    ['a value named as a column', { values: (fold: Folds<unknown>) => ({ key: fold.count() }) }],
    ['an open session told', { window: session('1h'), tell: 'changed' as const }],
  ])('%s is refused when it is declared', (_, other) => {
    const aggregate = { window: always(), values: total.values, ...other } as never
    const declare = () =>
      topology({
        name: 'x',
        events,
        operators: (events$) => events$,
        aggregate,
      })
    expect(declare).toThrow(expect.objectContaining({ code: 'TOPOLOGY_INVALID' }))
  })
})

describe('lookup join', () => {
  const byCountry = (rowsMax?: number) =>
    topology({
      name: 'countries',
      events,
      operators: (events$) =>
        events$.pipe(
          join(
            'country',
            {
              when: (event) => event.type === 'profile',
              row: ({ country }) => country,
              ...(rowsMax === undefined ? {} : { rowsMax }),
            },
            (order, country) => ({ amount: order.amount, country: country ?? 'unknown' }),
          ),
          keyBy('country', ({ country }) => country),
          map('amount', ({ amount }) => amount),
        ),
      aggregate: total,
    })
  const log = [
    [order('a', 1), profile('a', 'fr'), order('a', 2), profile('b', 'de')],
    [order('b', 4), profile('a', 'it'), order('a', 8)],
    [profile('b', null), order('b', 16)],
  ]

  test('gives each event the row as it was at its place in the log', async () => {
    const outcome = await runOwn(byCountry(), log)
    expect(valuesOf(outcome)).toEqual({
      unknown: { n: 2, sum: 17 },
      fr: { n: 1, sum: 2 },
      de: { n: 1, sum: 4 },
      it: { n: 1, sum: 8 },
    })
    expect(outcome.report).toMatchObject({ ok: true, findings: [] })
  })

  test('keeps its rows across crashes and small batches', async () => {
    const calm = await runOwn(byCountry(), log)
    const borders = { batchRecordsMax: 1, idleWaitMs: 0, hotBytesMax: 0, flushEveryMs: 0 }
    let turns = 0
    const wild = await runOwn(
      byCountry(),
      log,
      () => borders,
      () => (turns += 7),
    )
    expect(valuesOf(wild)).toEqual(valuesOf(calm))
    expect(wild.digest).toBe(calm.digest)
    expect(wild.report.findings).toEqual([])
  })

  test('a table beyond its bound refuses new rows, and still changes those it has', async () => {
    const events = [
      profile('a', 'fr'),
      profile('b', 'de'),
      profile('a', 'it'),
      order('a', 1),
      profile('a', null),
      profile('b', 'de'),
      order('b', 2),
    ]
    const outcome = await runOwn(byCountry(1), [events])
    expect(outcome.setAside).toEqual(['1 TABLE_FULL'])
    expect(valuesOf(outcome)).toEqual({ it: { n: 1, sum: 1 }, de: { n: 1, sum: 2 } })
  })

  test('a row that is too large is a reject', async () => {
    const outcome = await runOwn(byCountry(), [[profile('a', 'x'.repeat(65_536)), order('a', 1)]])
    expect(outcome.setAside).toEqual(['0 TABLE_ROW_TOO_LARGE'])
    expect(valuesOf(outcome)).toEqual({ unknown: { n: 1, sum: 1 } })
  })

  test('an erasure takes the rows of its key away, at its place in the log', async () => {
    const erasure = { ...order('a', 0), erase: true }
    const events = [
      profile('a', 'fr'),
      order('a', 1),
      erasure,
      order('a', 2),
      profile('a', 'it'),
      order('a', 4),
    ]
    const outcome = await runOwn(byCountry(), [events])
    expect(valuesOf(outcome)).toEqual({
      fr: { n: 1, sum: 1 },
      unknown: { n: 1, sum: 2 },
      it: { n: 1, sum: 4 },
    })
    expect(outcome.report.findings).toEqual([])
  })
})
