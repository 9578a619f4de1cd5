/**
 * Exact sums of doubles in place: a total is kept as a few doubles whose exact sum it is, so that
 * neither the order of arrival nor adding and taking away can change a bit of it.
 *
 * The components are canonical: the first is the total rounded once (half to even, as Python's
 * `math.fsum`), the next the rest rounded, and so on. So a total has one form, whatever made it,
 * and reading it rounded is reading its first component. A total that does not fit is told by the
 * return value false, and lives as a big integer elsewhere (`exact-big.ts`).
 *
 * Sources: Knuth's and Dekker's error-free transformations; Shewchuk, Adaptive Precision
 * Floating-Point Arithmetic, 1997.
 */

/** Doubles that a sum takes. */
export const SUM_WIDTH = 2
/** Doubles that a sum of squares takes: a square alone may need two. */
export const SQUARES_WIDTH = 3

/**
 * Adds a double to the sum at `totals[at]`, `totals[at + 1]`; false (and nothing done) where two
 * doubles cannot hold it, or not surely.
 */
export function addToSum(totals: number[], at: number, value: number): boolean {
  const high = totals[at]
  const low = totals[at + 1]
  const sum = high + value
  const part = sum - high
  const error = high - (sum - part) + (value - part)
  const rest = low + error
  const restPart = rest - low
  // Not a number where anything overflowed, and then not 0 either.
  if (low - (rest - restPart) + (error - restPart) !== 0) return false
  const first = sum + rest
  const firstPart = first - sum
  totals[at] = first
  totals[at + 1] = sum - (first - firstPart) + (rest - firstPart)
  return true
}

const SPLIT = 134_217_729 // 2^27 + 1
/** Between these the square of a double and the error of that square are exact doubles. */
const SQUARE_MIN = 2 ** -480
const SQUARE_MAX = 2 ** 480

/** Whether `addSquare` can take the value. */
export function isSquarable(value: number): boolean {
  const size = Math.abs(value)
  return size === 0 || (size > SQUARE_MIN && size < SQUARE_MAX)
}

/** The error of `value * value`, exactly (Dekker). */
function squareError(value: number, square: number): number {
  const shifted = SPLIT * value
  const high = shifted - (shifted - value)
  const low = value - high
  return low * low - (square - high * high - 2 * high * low)
}

const partials: number[] = []

/** Adds value² to the sum of squares at `totals[at…at + 2]`; false as `addToSum`. */
export function addSquare(totals: number[], at: number, value: number): boolean {
  if (!isSquarable(value)) return false
  const square = value * value
  load(totals, at)
  grow(square)
  grow(squareError(value, square))
  return store(totals, at)
}

/** Adds (sign 1) or takes away (−1) the sum of squares at `from[fromAt…]`; false as `addToSum`. */
export function addSquares(
  totals: number[],
  at: number,
  from: readonly number[],
  fromAt: number,
  sign: 1 | -1,
): boolean {
  load(totals, at)
  for (let i = 0; i < SQUARES_WIDTH; i++) grow(sign * from[fromAt + i])
  return store(totals, at)
}

/**
 * The sum of `expansion` and `value`, exactly, as non-overlapping doubles, the smallest first; as
 * many as it takes. Not finite where the total is beyond the largest double.
 *
 * @example withAdded([0.5], 1e17) // [0.5, 100000000000000000]
 */
export function withAdded(expansion: readonly number[], value: number): number[] {
  if (expansion.length === 0) return value === 0 ? [] : [value]
  partials.length = 0
  for (const partial of expansion) partials.push(partial)
  grow(value)
  return partials.slice()
}

/** An expansion's value, rounded once. */
export function valueOf(expansion: readonly number[]): number {
  if (expansion.length === 0) return 0
  partials.length = 0
  for (const partial of expansion) partials.push(partial)
  return roundedPartials()
}

function load(totals: readonly number[], at: number): void {
  partials.length = 0
  for (let i = SQUARES_WIDTH - 1; i >= 0; i--) grow(totals[at + i])
}

/** Shewchuk's grow-expansion: `partials` stay non-overlapping, smallest first. */
function grow(value: number): void {
  let carried = value
  let kept = 0
  for (let i = 0; i < partials.length; i++) {
    const partial = partials[i]
    const sum = carried + partial
    const part = sum - carried
    const error = carried - (sum - part) + (partial - part)
    if (error !== 0) partials[kept++] = error
    carried = sum
  }
  partials.length = kept
  if (carried !== 0) partials.push(carried)
}

/** Writes the partials as canonical components; false where they do not fit or overflowed. */
function store(totals: number[], at: number): boolean {
  const found = [0, 0, 0]
  for (let i = 0; i < SQUARES_WIDTH && partials.length > 0; i++) {
    const rounded = roundedPartials()
    if (!Number.isFinite(rounded)) return false
    found[i] = rounded
    grow(-rounded)
  }
  if (partials.length > 0) return false
  for (let i = 0; i < SQUARES_WIDTH; i++) totals[at + i] = found[i]
  return true
}

/** The sum of the partials, rounded once: `math.fsum`'s last step with its half-even correction. */
function roundedPartials(): number {
  let i = partials.length - 1
  let high = partials[i]
  let low = 0
  while (i > 0) {
    const above = high
    const below = partials[--i]
    high = above + below
    low = below - (high - above)
    if (low !== 0) break
  }
  const next = i > 0 ? partials[i - 1] : 0
  if ((low < 0 && next < 0) || (low > 0 && next > 0)) {
    const doubled = low * 2
    const corrected = high + doubled
    if (doubled === corrected - high) high = corrected
  }
  return high
}
