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
  topology,
} from '../../src/index.js'
import { rowTextBytesMax } from '../../src/operators/windows/window-row.js'
import { runOwn } from '../support/own-topology.js'

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
