/** Functions of the user's that do what no function here may do. */
import { describe, expect, it } from 'vitest'
import {
  always,
  branch,
  filter,
  flatMap,
  jsonEvents,
  join,
  keyBy,
  map,
  merge,
  session,
  sliding,
  topology,
  tumbling,
} from '../../src/index.js'
import { rowTextBytesMax } from '../../src/operators/windows/window-row.js'
import { type OwnEvent, runOwn } from '../support/own-topology.js'

const event = (n: number) => ({ type: 'sale', customer_id: 'c1', occurred_at: n, n })
const events = jsonEvents({ sale: { n: 'number' } })

/** As JavaScript has them, or `any`: the compiler would object to nearly all. */
// oxlint-disable-next-line typescript/no-explicit-any
type Any = any
const answered = async (answer: Any): Promise<Any> => answer

async function run(operators: Any, values: Any = (fold: Any) => ({ n: fold.count() })) {
  const spec = { name: 'sales', events, operators, aggregate: { window: always(), values } }
  return runOwn(topology(spec), [[event(1), event(2)]])
}

const table = { when: (sale: Any) => sale.n === 1, row: (sale: Any) => sale.n }

describe('a function that answers a promise refuses its event', () => {
  const cases: [string, (in$: Any) => Any][] = [
    ['map', (in$) => in$.pipe(map('f', (x) => answered(x)))],
    ['map, and fails later', (in$) => in$.pipe(map('f', () => answered(Promise.reject(1))))],
    ['filter', (in$) => in$.pipe(filter('f', (() => answered(false)) as Any))],
    ['flatMap', (in$) => in$.pipe(flatMap('f', (() => answered([1])) as Any))],
    ['flatMap, within', (in$) => in$.pipe(flatMap('f', () => [answered(1)]))],
    ['keyBy', (in$) => in$.pipe(keyBy('f', (() => answered('k')) as Any))],
    ['branch', (in$) => merge(...branch('f', in$, (() => answered(true)) as Any))],
    ['when', (in$) => in$.pipe(join('f', { ...table, when: answered } as Any, () => 1))],
    ['join', (in$) => in$.pipe(join('f', { ...table, when: (() => false) as Any }, answered))],
  ]
  it.each(cases)('%s', async (_name, operators) => {
    const { setAside, rows, report } = await run(operators)
    expect([setAside, rows]).toEqual([['0 OPERATOR_FAILED', '1 OPERATOR_FAILED'], []])
    expect(report.ok).toBe(true)
  })

  it('the row of a table', async () => {
    const slow = { ...table, row: answered } as Any
    const { setAside } = await run((in$: Any) => in$.pipe(join('f', slow, (x) => x)))
    expect(setAside).toEqual(['0 OPERATOR_FAILED'])
  })

  it.each(['sum', 'mean', 'min', 'max', 'latest'])('what is folded by %s', async (fold) => {
    const { setAside } = await run(
      (in$: Any) => in$,
      (folds: Any) => ({ n: folds[fold](() => answered(1)) }),
    )
    expect(setAside).toEqual(['0 OPERATOR_FAILED', '1 OPERATOR_FAILED'])
  })
})

it.each([
  ['an object without a text', () => Object.create(null)],
  ['an error whose message throws', () => Object.defineProperty(new Error(), 'message', { get })],
])('%s that is thrown is a reject all the same', async (_name, made) => {
  const { setAside } = await run((in$: Any) =>
    in$.pipe(
      map('f', () => {
        throw made()
      }),
    ),
  )
  expect(setAside).toEqual(['0 OPERATOR_FAILED', '1 OPERATOR_FAILED'])
})

function get(): never {
  throw new Error('not even that')
}

describe('an accumulator of a fold of one’s own', () => {
  const own = (value: unknown) => (folds: Any) => ({
    n: folds.of({ type: 'long', create: () => 0, add: () => value, merge: get, result: () => 1 }),
  })

  it.each([
    ['NaN', NaN],
    ['undefined', undefined],
    ['a bigint', 1n],
    ['a Map', new Map()],
    ['a Date deep within', { days: [[new Date(0)]] }],
    ['a function', () => 1],
    ['a promise', Promise.resolve(1)],
  ])('of %s would be another after a restart: its event is refused', async (_name, value) => {
    const { setAside } = await run((in$: Any) => in$, own(value))
    expect(setAside).toEqual(['0 OPERATOR_FAILED', '1 OPERATOR_FAILED'])
  })

  it('of JSON is taken, however it is nested', async () => {
    const value = [null, true, 'x', -1.5, { a: [{}], b: Object.create(null) }]
    const { setAside, rows } = await run((in$: Any) => in$, own(value))
    expect([setAside, rows.length > 0]).toEqual([[], true])
  })
})

it('a merge that throws gives a sliding window no value, and others keep theirs', async () => {
  const at = (hour: number) => ({ ...event(1), occurred_at: hour * 3_600_000 })
  const values = (folds: Any) => ({
    n: folds.count(),
    own: folds.of({ type: 'long', create: () => 0, add: () => 1, merge: get, result: () => 1 }),
  })
  const aggregate = { window: sliding('7d', { tile: '1h' }), values }
  const spec = { name: 'sales', events, operators: (in$: Any) => in$, aggregate }
  const { rows, setAside, report } = await runOwn(topology(spec), [[at(1), at(5)]])
  expect(rows[0].values).toEqual({ n: 2, own: null })
  expect([setAside, report.ok]).toEqual([[], true])
})

describe('what a key keeps is bounded', () => {
  const grown = (folds: Any) => ({
    n: folds.count(),
    all: folds.of({
      type: 'long',
      create: () => [],
      add: (all: string[], { n }: Any) => [...all, 'x'.repeat(n)],
      merge: (a: string[], b: string[]) => [...a, ...b],
      result: (all: string[]) => all.length,
    }),
    last: folds.latest(({ n }: Any) => 'x'.repeat(n / 1000)),
  })
  const million = { ...event(0), n: 1_000_000 }
  const at = (hour: number, customer_id = 'c1') => {
    return { ...million, customer_id, occurred_at: hour * 3_600_000 }
  }
  const runIn = (window: Any, borders: OwnEvent[][]) => {
    const aggregate = { window, values: grown }
    const spec = { name: 'sales', events, operators: (in$: Any) => in$, aggregate }
    return runOwn(topology(spec), borders)
  }

  it.each([
    ['one window', always(), Array.from({ length: 10 }, () => 1)],
    ['many windows', tumbling('1h', { grace: '12h' }), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    [
      'sessions, two of which become one',
      session('3h', { grace: '12h' }),
      [1, 1, 1, 1, 5, 5, 5, 5, 3, 3],
    ],
  ])('in %s to 8 MiB: an event beyond is refused', async (_name, window, hours) => {
    const log = [...hours.map((hour) => at(hour)), at(10, 'c2')]
    const { setAside, report } = await runIn(window, [log.slice(0, 6), log.slice(6)])
    expect(setAside).toEqual(['8 STATE_TOO_LARGE', '9 STATE_TOO_LARGE'])
    expect(report.ok).toBe(true)
  })

  it('and what the log clock has closed makes room', async () => {
    const hours = [1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3]
    const { setAside, report } = await runIn(tumbling('1h'), [hours.map((hour) => at(hour))])
    expect([setAside, report.ok]).toEqual([['8 STATE_TOO_LARGE'], true])
  })
})

it('texts beyond what a record takes are no value, and those that fit stay', async () => {
  const text = 'é'.repeat(rowTextBytesMax / 4)
  const { rows, report } = await run(
    (in$: Any) => in$,
    (folds: Any) => ({
      half: folds.latest(() => text),
      more: folds.latest(() => `${text}x`),
      rest: folds.latest(() => 'x'),
      all: folds.latest(() => text),
    }),
  )
  expect(rows.at(-1)!.values).toEqual({ half: text, more: null, rest: 'x', all: null })
  expect(report.ok).toBe(true)
})

it('two joins of one name would have one table, and are refused', () => {
  const operators = (in$: Any) =>
    in$.pipe(
      join('place', table as Any, (x) => x),
      join('place', table as Any, (x) => x),
    )
  const aggregate = { window: always(), values: (fold: Any) => ({ n: fold.count() }) }
  const declare = () => topology({ name: 'sales', events, operators, aggregate })
  expect(declare).toThrow(expect.objectContaining({ code: 'TOPOLOGY_INVALID' }))
})
