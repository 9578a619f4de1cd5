/**
 * Canonical JSON (RFC 8785): one value, one text, in every language. App hashes and bundle hashes
 * are taken over these bytes; `trainer/` writes the same ones.
 */
import { createHash } from 'node:crypto'

/**
 * Writes a JSON value in canonical form: keys in order of UTF-16 code units, numbers as ECMAScript
 * prints them, no blanks.
 *
 * Errors: `TypeError` for what JSON cannot say (undefined, functions, NaN, infinities, bigint,
 * strings with half a surrogate pair), with the path to it.
 *
 * @example canonicalJson({ b: 1e21, a: [-0, 'é'] }) // '{"a":[0,"é"],"b":1e+21}'
 */
export function canonicalJson(value: unknown): string {
  return write(value, '')
}

/**
 * SHA-256 of the canonical form, in lower-case hexadecimal.
 *
 * @example canonicalHash({}) // '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'
 */
export function canonicalHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value), 'utf8').digest('hex')
}

function write(value: unknown, path: string): string {
  switch (typeof value) {
    case 'boolean':
      return value ? 'true' : 'false'
    case 'number':
      if (!Number.isFinite(value)) throw notJson(value, path)
      // String(-0) is '0', as the standard wants it.
      return String(value)
    case 'string':
      return quote(value, path)
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) {
        return `[${value.map((item, index) => write(item, `${path}/${index}`)).join(',')}]`
      }
      return writeObject(value as Record<string, unknown>, path)
    case 'bigint':
    case 'function':
    case 'symbol':
    case 'undefined':
      throw notJson(value, path)
  }
}

function writeObject(value: Record<string, unknown>, path: string): string {
  // The default order of JavaScript strings is that of UTF-16 code units.
  const members = Object.keys(value)
    .sort()
    .map((key) => `${quote(key, path)}:${write(value[key], `${path}/${key}`)}`)
  return `{${members.join(',')}}`
}

function quote(text: string, path: string): string {
  // With the u flag a whole pair is one character, so this finds halves only.
  if (/\p{Surrogate}/u.test(text)) throw notJson(text, path)
  return JSON.stringify(text)
}

function notJson(value: unknown, path: string): TypeError {
  return new TypeError(`${path || 'the value'} is ${String(value)}, which JSON cannot say`)
}
