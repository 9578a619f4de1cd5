/**
 * Exact arithmetic for the numbers that a few doubles cannot hold: sums beyond the largest double,
 * or of values whose magnitudes lie far apart. Slow and rare.
 *
 * A finite double is a whole multiple of 2^-1074, its square of 2^-2148: sums of doubles are kept
 * as whole numbers of the first unit, sums of squares as whole numbers of the second.
 */

/** Binary exponent of the unit of sums; that of squares is twice as small. */
export const SUM_SCALE = 1074
export const SQUARE_SCALE = 2 * SUM_SCALE

const FRACTION = 0xf_ffff_ffff_ffffn
const bits = new DataView(new ArrayBuffer(8))

/** A finite double as a whole number of units of 2^-scale (at least 1074). */
export function bigOf(value: number, scale: number): bigint {
  bits.setFloat64(0, value)
  const word = bits.getBigUint64(0)
  const exponent = Number((word >> 52n) & 0x7ffn)
  const magnitude = exponent === 0 ? word & FRACTION : (word & FRACTION) | (FRACTION + 1n)
  const shifted = magnitude << BigInt(Math.max(exponent, 1) - 1 + scale - SUM_SCALE)
  return word >> 63n === 0n ? shifted : -shifted
}

/** The square of a finite double in units of 2^-2148. */
export function bigSquareOf(value: number): bigint {
  const root = bigOf(value, SUM_SCALE)
  return root * root
}

/**
 * numerator / denominator · 2^exponent as the nearest double, ties to even; ±Infinity beyond the
 * largest one. The denominator is positive.
 */
export function roundBig(numerator: bigint, denominator: bigint, exponent: number): number {
  if (numerator === 0n) return 0
  // Not a unary minus: a negative number that is rounded to 0 is no −0.
  if (numerator < 0n) return 0 - roundBig(-numerator, denominator, exponent)
  // A quotient of 65 or 66 bits, its last bit set where anything was left behind it (sticky).
  const shift = 66 - bitLength(numerator) + bitLength(denominator)
  const dividend = shift > 0 ? numerator << BigInt(shift) : numerator
  const divisor = shift > 0 ? denominator : denominator << BigInt(-shift)
  let quotient = dividend / divisor
  if (quotient * divisor !== dividend) quotient |= 1n
  let scale = exponent - shift
  // A subnormal result keeps fewer bits: drop the others here, so that it is rounded only once.
  const dropped = -SUM_SCALE - scale
  if (dropped > bitLength(quotient) - 53) {
    const kept = quotient >> BigInt(dropped)
    const rest = quotient - (kept << BigInt(dropped))
    const half = 1n << BigInt(dropped - 1)
    quotient = rest > half || (rest === half && (kept & 1n) === 1n) ? kept + 1n : kept
    scale = -SUM_SCALE
  }
  // Number() rounds a whole number half to even; the powers of two are applied exactly after it,
  // in two steps, for 2^scale alone may be out of range.
  const first = Math.max(scale, -1000)
  return Number(quotient) * 2 ** first * 2 ** (scale - first)
}

/**
 * The doubles c0, c1, … with c0 the total rounded, c1 the rest rounded and so on, where `count`
 * of them are enough to hold the total exactly; else null.
 */
export function componentsOf(total: bigint, scale: number, count: number): number[] | null {
  const components: number[] = []
  let rest = total
  for (let i = 0; i < count; i++) {
    const component = roundBig(rest, 1n, -scale)
    if (!Number.isFinite(component)) return null
    components.push(component)
    rest -= bigOf(component, scale)
  }
  return rest === 0n ? components : null
}

function bitLength(positive: bigint): number {
  const digits = positive.toString(16)
  return digits.length * 4 + 28 - Math.clz32(Number.parseInt(digits[0], 16))
}
