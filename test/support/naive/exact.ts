/**
 * Exact arithmetic on doubles by rationals of BigInt: slow, short, and obviously right. A double is
 * m · 2^e with whole m and e, so sums of doubles and of their squares are such numbers too; they are
 * rounded once, half to even, when they become a double again.
 */

/** mantissa · 2^exponent. */
interface Dyadic {
  readonly mantissa: bigint
  readonly exponent: number
}

const view = new DataView(new ArrayBuffer(8))

function toDyadic(value: number): Dyadic {
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const biased = Number((bits >> 52n) & 0x7ffn)
  if (biased === 0x7ff) throw new RangeError(`${value} is not finite`)
  const fraction = bits & 0xf_ffff_ffff_ffffn
  // Subnormal numbers have no hidden bit and share the exponent of the smallest normal ones.
  const magnitude = biased === 0 ? fraction : fraction | (1n << 52n)
  return {
    mantissa: bits >> 63n === 0n ? magnitude : -magnitude,
    exponent: Math.max(biased, 1) - 1075,
  }
}

function add(terms: readonly Dyadic[]): Dyadic {
  const exponent = terms.reduce((least, term) => Math.min(least, term.exponent), 0)
  let mantissa = 0n
  for (const term of terms) mantissa += term.mantissa << BigInt(term.exponent - exponent)
  return { mantissa, exponent }
}

const lengthOf = (positive: bigint): number => positive.toString(2).length

/** numerator / denominator · 2^exponent as the nearest double, ties to even. */
function round(numerator: bigint, denominator: bigint, exponent: number): number {
  if (numerator === 0n) return 0
  if (numerator < 0n) return -round(-numerator, denominator, exponent)
  // A quotient of at least 66 bits, and whether anything was left behind it.
  const shift = 66 - lengthOf(numerator) + lengthOf(denominator)
  const dividend = shift > 0 ? numerator << BigInt(shift) : numerator
  const divisor = shift > 0 ? denominator : denominator << BigInt(-shift)
  const quotient = dividend / divisor
  const left = dividend % divisor !== 0n
  const scale = exponent - shift
  // The unit in the last place: 53 bits below the top, but not below the smallest subnormal.
  const unit = Math.max(lengthOf(quotient) + scale - 53, -1074)
  const dropped = BigInt(unit - scale)
  const kept = quotient >> dropped
  const rest = quotient - (kept << dropped)
  const half = 1n << (dropped - 1n)
  const up = rest > half || (rest === half && (left || (kept & 1n) === 1n))
  return Number(up ? kept + 1n : kept) * 2 ** unit
}

/** The sum of finite doubles, rounded once; Infinity where it is beyond the largest double. */
export function exactSum(values: readonly number[]): number {
  const total = add(values.map(toDyadic))
  return round(total.mantissa, 1n, total.exponent)
}

/**
 * The variance of a sample of two or more: (n · Σx² − (Σx)²) / (n · (n − 1)) as one rational,
 * rounded once.
 */
export function exactVariance(values: readonly number[]): number {
  const terms = values.map(toDyadic)
  const sum = add(terms)
  const squares = add(
    terms.map((term) => ({ mantissa: term.mantissa ** 2n, exponent: term.exponent * 2 })),
  )
  const count = BigInt(values.length)
  const numerator = add([
    { mantissa: count * squares.mantissa, exponent: squares.exponent },
    { mantissa: -(sum.mantissa ** 2n), exponent: sum.exponent * 2 },
  ])
  return round(numerator.mantissa, count * (count - 1n), numerator.exponent)
}
