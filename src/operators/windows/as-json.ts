/** Of a large accumulator only so many parts are looked at, by each event. */
const partsMax = 256

/**
 * The accumulator of a fold of one's own, as it came.
 *
 * @throws TypeError where JSON would make something else of it
 */
export function asJson<A>(accumulator: A): A {
  let left = partsMax
  const look = (part: unknown): void => {
    if (part === null || typeof part === 'string' || typeof part === 'boolean') return
    if (typeof part === 'number' && Number.isFinite(part)) return
    if (!Array.isArray(part) && !isPlain(part)) throw new TypeError(`${nameOf(part)} is no JSON`)
    for (const inner of Object.values(part)) {
      if (left-- <= 0) return
      look(inner)
    }
  }
  look(accumulator)
  return accumulator
}

function isPlain(part: unknown): part is Record<string, unknown> {
  if (typeof part !== 'object' || part === null) return false
  const prototype: unknown = Object.getPrototypeOf(part)
  return prototype === Object.prototype || prototype === null
}

const nameOf = (part: unknown): string =>
  typeof part === 'object' && part !== null
    ? (part.constructor?.name ?? 'an object')
    : typeof part === 'number'
      ? String(part)
      : typeof part
