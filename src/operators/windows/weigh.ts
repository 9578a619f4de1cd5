/** Of a large accumulator only so many parts are looked at, by each event. */
const partsMax = 256
const numberBytes = 8

/**
 * About how many bytes of JSON an accumulator takes: exact would cost each event as much as is there
 * already. What lies behind the first 256 parts is taken to weigh as much as they do.
 *
 * @throws TypeError where JSON would make something else of it
 */
export function weigh(accumulator: unknown): number {
  let left = partsMax
  const look = (part: unknown): number => {
    if (typeof part === 'string') return 2 + part.length
    if (part === null || typeof part === 'boolean') return 4
    if (typeof part === 'number' && Number.isFinite(part)) return numberBytes
    if (Array.isArray(part)) return all(part, null)
    if (isPlain(part)) return all(Object.values(part), Object.keys(part))
    throw new TypeError(`${nameOf(part)} is no JSON`)
  }
  const all = (parts: readonly unknown[], names: readonly string[] | null): number => {
    let bytes = 0
    let looked = 0
    for (; looked < parts.length && left > 0; looked++) {
      left--
      bytes += 1 + look(parts[looked]) + (names === null ? 0 : 3 + names[looked].length)
    }
    const each = looked === 0 ? numberBytes : bytes / looked
    return 2 + bytes + Math.ceil(each * (parts.length - looked))
  }
  return look(accumulator)
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
