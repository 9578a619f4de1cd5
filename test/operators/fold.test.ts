/** Values of windows do not hang on the order in which events came, to the last bit. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { foldsOf } from '../../src/operators/windows/fold.js'
import { exactSum } from '../support/naive/exact.js'
import { holdsAlways } from '../support/properties.js'

const { sum, mean } = foldsOf<number | null>()
const at = { key: 'a', occurredAt: 0, offset: 0 }
const amounts = fc.array(fc.double({ noNaN: true, min: -1e300, max: 1e300 }), { maxLength: 30 })

/** As a store keeps it between two events. */
const stored = <A>(accumulator: A): A => JSON.parse(JSON.stringify(accumulator)) as A

test('a sum is exact and rounded once, however its parts were merged', () => {
  const of = sum((value) => value)
  const total = (values: readonly number[]) =>
    values.reduce((sum, value) => stored(of.add(sum, value, at)), of.create())
  holdsAlways(
    500,
    fc.property(amounts, fc.nat(30), (values, cut) => {
      const due = exactSum(values)
      const merged = of.merge(total(values.slice(cut)), total(values.slice(0, cut)))
      expect(of.result(total(values))).toBe(due)
      expect(of.result(merged)).toBe(due)
    }),
  )
  expect(of.result(total([1e16, 1, -1e16]))).toBe(1)
})

test('a total beyond the largest double is null, and stays so', () => {
  const of = sum((value) => value)
  const beyond = [1e308, 1e308].reduce((sum, value) => of.add(sum, value, at), of.create())
  expect(of.result(beyond)).toBeNull()
  expect(of.result(stored(of.merge(of.create(), of.add(beyond, -1e308, at))))).toBeNull()
})

test('a mean leaves out what is no number, and is null of nothing', () => {
  const of = mean((value) => value)
  const values = [4, null, Number.NaN, 1]
  const all = values.reduce<ReturnType<typeof of.create>>(
    (mean, value) => stored(of.add(mean, value, at)),
    of.create(),
  )
  expect(of.result(all)).toBe(2.5)
  expect(of.result(of.create())).toBeNull()
})
