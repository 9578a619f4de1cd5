import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bigOf, bigSquareOf, componentsOf, roundBig } from '../../src/features/exact-big.js'
import { addSquare, addSquares, addToSum } from '../../src/features/exact-sum.js'

const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
/** Amounts as they occur, and numbers chosen to hurt. */
const ordinary = fc.oneof(
  fc.integer({ min: -1_000_000, max: 1_000_000 }).map((cents) => cents / 100),
  fc.nat({ max: 0xffff_ffff }).map((part) => 5 + (95 * part) / 2 ** 32),
)
const nasty = fc.oneof(
  ordinary,
  finite,
  fc.constantFrom(1e308, -1e308, 5e-324, 1e-300, 1e16, -1e16, 1, 2 ** 53, 2 ** -1022, 0.1),
)

/** −0 is not among the values that the engine adds. */
const plain = (value: number): number => value + 0

function bigSum(values: readonly number[]): bigint {
  return values.reduce((sum, value) => sum + bigOf(value, 1074), 0n)
}

describe('rounding big integers', () => {
  it('gives every double back', () => {
    fc.assert(
      fc.property(finite, (value) => {
        expect(roundBig(bigOf(value, 1074), 1n, -1074)).toBe(plain(value))
      }),
    )
  })

  it('rounds as the machine does, ties to even and subnormal results included', () => {
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        const product = roundBig(bigOf(a, 1074) * bigOf(b, 1074), 1n, -2148)
        expect(product).toBe(plain(a * b))
        const [above, below] = [bigOf(a, 1074), bigOf(b === 0 ? 1 : b, 1074)]
        const quotient = below < 0n ? roundBig(-above, -below, 0) : roundBig(above, below, 0)
        expect(quotient).toBe(plain(a / (b === 0 ? 1 : b)))
        expect(roundBig(bigSum([a, b]), 1n, -1074)).toBe(plain(a + b))
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    [0.1, 0.2],
    [5e-324, 0.5],
    [5e-324, 1.5],
    [2 ** -1022, 1 - 2 ** -53],
    [3 * 5e-324, 0.5],
  ])('%f times %f is rounded once', (a, b) => {
    expect(roundBig(bigOf(a, 1074) * bigOf(b, 1074), 1n, -2148)).toBe(a * b)
  })
})

describe('sums in two doubles', () => {
  it('are exact and canonical, or refused', () => {
    fc.assert(
      fc.property(fc.array(nasty, { maxLength: 30 }), (values) => {
        const total = [0, 0]
        const held: number[] = []
        for (const value of values.map(plain)) {
          const before = [...total]
          const isHeld = addToSum(total, 0, value)
          if (isHeld) held.push(value)
          expect(isHeld ? before : total).toEqual(before)
        }
        const due = componentsOf(bigSum(held), 1074, 2)
        expect(total).toEqual(due)
      }),
      { numRuns: 2_000 },
    )
  })

  it('hold ordinary amounts in any order, and nothing is left when all are taken away', () => {
    fc.assert(
      fc.property(
        fc.array(ordinary, { maxLength: 200 }),
        fc.infiniteStream(fc.nat()),
        (values, at) => {
          const amounts = values.map(plain)
          const total = [0, 0]
          for (const value of amounts) expect(addToSum(total, 0, value)).toBe(true)
          const shuffled = amounts
            .map((value) => [at.next().value as number, value] as const)
            .sort(([a], [b]) => a - b)
          const other = [0, 0]
          for (const [, value] of shuffled) addToSum(other, 0, value)
          expect(other).toEqual(total)
          for (const [, value] of shuffled) expect(addToSum(other, 0, -value)).toBe(true)
          expect(other).toEqual([0, 0])
        },
      ),
    )
  })

  it('refuse what they cannot hold', () => {
    const total = [1e16, 1]
    expect(addToSum(total, 0, 1e-300)).toBe(false)
    expect(addToSum([1e308, 0], 0, 1e308)).toBe(false)
    expect(addToSum([Number.NaN, 0], 0, 1)).toBe(false)
    expect(total).toEqual([1e16, 1])
  })
})

describe('sums of squares in three doubles', () => {
  it('are exact and canonical, or refused', () => {
    fc.assert(
      fc.property(fc.array(nasty, { maxLength: 20 }), (values) => {
        const total = [0, 0, 0]
        let due = 0n
        for (const value of values) {
          const before = [...total]
          const isHeld = addSquare(total, 0, value)
          if (isHeld) due += bigSquareOf(value)
          expect(isHeld ? before : total).toEqual(before)
        }
        expect(total).toEqual(componentsOf(due, 2148, 3))
      }),
      { numRuns: 2_000 },
    )
  })

  it('can be added and taken away', () => {
    fc.assert(
      fc.property(fc.array(ordinary, { maxLength: 50 }), (values) => {
        const one = [0, 0, 0]
        for (const value of values) expect(addSquare(one, 0, value)).toBe(true)
        const other = [0, 0, 0]
        addSquare(other, 0, 0.1)
        const before = [...other]
        expect(addSquares(other, 0, one, 0, 1)).toBe(true)
        expect(addSquares(other, 0, one, 0, -1)).toBe(true)
        expect(other).toEqual(before)
      }),
    )
  })
})
