import { failpointSoon } from '../failpoint.js'
import { changeCalls, type CustomerChanges } from './redis-changes.js'
import type { RedisKeys } from './redis-keys.js'
import { type RedisArgument, type RedisLink, scriptCall } from './redis-link.js'
import { fieldsOf, type RedisRow, type RedisRowTexts } from './redis-row.js'
import { putRows } from './redis-scripts.js'
import { daysText } from './redis-top.js'

/** Rows in one pipeline: encoding them holds up the event loop for some ms. */
const ROWS_AT_ONCE = 1024

export interface SendRowsOptions {
  readonly rows: RedisRowTexts
  readonly tombstoneSeconds: number
}

/**
 * Sends rows, each only over an older version. One portion is encoded while the last is stored.
 * `stored` is told which rows are there, with the scores of their days.
 */
export async function sendRows(
  rows: readonly RedisRow[],
  link: RedisLink,
  keys: RedisKeys,
  options: SendRowsOptions,
  stored: (row: RedisRow, days: string) => void = () => undefined,
): Promise<void> {
  const step = 'putting snapshots'
  const tombstoneSeconds = String(options.tombstoneSeconds)
  let sending: Promise<unknown> = Promise.resolve()
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const portion = rows.slice(from, from + ROWS_AT_ONCE)
    const names = portion.map(({ customer }) => keys.customer(customer))
    const groups = link.together(names)
    const calls = groups.map((places) => {
      const rest: RedisArgument[] = [tombstoneSeconds]
      for (const place of places) {
        const row = portion[place]
        rest.push(...fieldsOf(row, options.rows), `${row.anew ? '!' : ''}${daysText(row.days)}`)
      }
      return scriptCall(
        putRows,
        places.map((place) => names[place]),
        rest,
      )
    })
    await sending
    sending = link.send(calls, step).then((replies) => {
      for (const [group, places] of groups.entries()) {
        const days = replies[group] as string[]
        places.forEach((place, index) => {
          if (days[index] !== '-') stored(portion[place], days[index])
        })
      }
    })
    failpointSoon('redis.in-rows')
    // Awaited in the next turn of the loop; until then a failure is nobody's.
    sending.catch(() => undefined)
  }
  await sending
}

/** Sends what led to the rows. */
export async function sendChanges(
  changes: readonly CustomerChanges[],
  link: RedisLink,
  keys: RedisKeys,
  { tombstoneSeconds }: Pick<SendRowsOptions, 'tombstoneSeconds'>,
): Promise<void> {
  for (let from = 0; from < changes.length; from += ROWS_AT_ONCE) {
    const portion = changes.slice(from, from + ROWS_AT_ONCE)
    await link.send(changeCalls(portion, link, keys, tombstoneSeconds), 'putting histories')
  }
}
