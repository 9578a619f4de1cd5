import { failpointSoon } from '../failpoint.js'
import { changeCalls, type SentRow } from './redis-changes.js'
import type { RedisKeys } from './redis-keys.js'
import { type RedisArgument, type RedisCall, type RedisLink, scriptCall } from './redis-link.js'
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
 * Sends rows, each only over an older version, and with them what led there. One portion is encoded
 * while the last is stored. `stored` is told which rows are there, with the scores of their days.
 */
export async function sendRows(
  rows: readonly SentRow[],
  link: RedisLink,
  keys: RedisKeys,
  options: SendRowsOptions,
  stored: (row: RedisRow, days: string) => void = () => undefined,
): Promise<void> {
  let sending: Promise<unknown> = Promise.resolve()
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const portion = rows.slice(from, from + ROWS_AT_ONCE)
    const groups = link.together(portion.map(({ row }) => keys.customer(row.customer)))
    const calls = groups.map((places) => rowsCall(places, portion, keys, options))
    // In one pipeline with the rows: a round trip of their own would double what a small write takes.
    calls.push(...changeCalls(portion, link, keys, options.tombstoneSeconds))
    await sending
    sending = link.send(calls, 'putting snapshots').then((replies) => {
      for (const [group, places] of groups.entries()) {
        const days = replies[group] as string[]
        places.forEach((place, index) => {
          if (days[index] !== '-') stored(portion[place].row, days[index])
        })
      }
    })
    failpointSoon('redis.in-rows')
    // Awaited in the next turn of the loop; until then a failure is nobody's.
    sending.catch(() => undefined)
  }
  await sending
}

function rowsCall(
  places: readonly number[],
  portion: readonly SentRow[],
  keys: RedisKeys,
  { rows, tombstoneSeconds }: SendRowsOptions,
): RedisCall {
  const names: string[] = []
  const rest: RedisArgument[] = [String(tombstoneSeconds)]
  for (const place of places) {
    const { row } = portion[place]
    names.push(keys.customer(row.customer))
    rest.push(...fieldsOf(row, rows), `${row.anew ? '!' : ''}${daysText(row.days)}`)
  }
  return scriptCall(putRows, names, rest)
}
