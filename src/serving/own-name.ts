import { isIP } from 'node:net'

/**
 * Whether a `Host` header names this machine by `localhost` or by an address: another name may have
 * been made to point here by the page that asks. HTTP/1.0 has no header, and is no browser.
 *
 * @example isOwnName('localhost:8080') // true
 * @example isOwnName('elsewhere.example') // false
 */
export function isOwnName(header: string | undefined): boolean {
  if (header === undefined) return true
  const name = header.replace(/:\d*$/, '').toLowerCase()
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  return isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0
}
