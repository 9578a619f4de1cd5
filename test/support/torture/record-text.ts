import { createHash } from 'node:crypto'
import type { LogRecord } from '../../../src/log/log.js'

/** A short text for a record's place, key, value and timestamp. */
export function recordText(
  partition: number,
  { key, value, timestamp }: Pick<LogRecord, 'key' | 'value' | 'timestamp'>,
): string {
  const hash = createHash('sha1').update(`${partition} ${timestamp} `)
  if (key !== null) hash.update(key)
  hash.update(value === null ? '|null' : '|')
  if (value !== null) hash.update(value)
  return hash.digest('base64').slice(0, 16)
}
