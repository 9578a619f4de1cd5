/** How commands write values for people. */

/** Four digits behind the point, as probabilities are told everywhere. */
export function numberText(value: number): string {
  return value.toFixed(4)
}

/**
 * A feature's value: text in quotes, numbers whole or with at most six digits behind the point.
 *
 * @example valueText(1 / 3) // '0.333333'
 */
export function valueText(value: unknown): string {
  if (typeof value !== 'number') return JSON.stringify(value) ?? 'null'
  return String(Math.round(value * 1e6) / 1e6)
}

/** ISO 8601 in UTC; `never` where there is no instant. */
export function instantText(instant: number | null): string {
  return instant === null ? 'never' : new Date(instant).toISOString()
}

/** No control character reaches a terminal: each is written as its escape. */
export function plainText(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The bytes of a record's value or key, as somebody can look at them. */
export type ShownBytes = { readonly text: string } | { readonly hex: string }

/**
 * Text where the bytes are UTF-8 without control characters but tabs and line ends, else
 * hexadecimal; at most `bytesMax` of them.
 *
 * @example shownBytes(Buffer.from('{"a":1}'), 100) // { text: '{"a":1}' }
 */
export function shownBytes(value: Buffer, bytesMax: number): ShownBytes {
  const text = textOf(value, bytesMax)
  return text === null ? { hex: value.toString('hex', 0, bytesMax) } : { text }
}

function textOf(value: Buffer, bytesMax: number): string | null {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  try {
    // A character that the cut goes through is left out.
    const text = decoder.decode(value.subarray(0, bytesMax), { stream: value.length > bytesMax })
    return /[^\P{Cc}\t\r\n]/u.test(text) ? null : text
  } catch {
    // Bytes that are no UTF-8 are what this is asked about.
    return null
  }
}
