/** Numbers, instants and spans as a person reads them. All instants are UTC, like the engine's. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })

export const count = (value) => whole.format(value)

const few = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

/** Where there is room for some six letters: `12,345`, and `1.25M` of a million and more. */
export const compact = (value) => (value < 1e6 ? count(value) : few.format(value))

export const rate = (value) =>
  value < 10 ? short.format(Math.round(value * 10) / 10) : count(value)

/** A probability as a percentage with one digit: 0.6249 is 62.5. */
export const percent = (value) => (value * 100).toFixed(1)

/** A move in percentage points with its sign; the minus is the typographic one. */
export function points(value) {
  const text = Math.abs(value * 100).toFixed(1)
  return text === '0.0' ? '0.0' : `${value < 0 ? '−' : '+'}${text}`
}

const dateAndTime = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
})
const dayAndTime = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})

/** `Mon, 3 Mar 2025, 14:20`. */
export const instant = (ms) => dateAndTime.format(ms)

/** `3 Mar, 14:20`: where the year is plain. */
export const shortInstant = (ms) => dayAndTime.format(ms)

const day = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
})

/** `3 Mar 2025`: where days are near enough. */
export const date = (ms) => day.format(ms)

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
]

/** A span of seconds in its two largest units: `4 h 12 min`. */
export function span(seconds) {
  let left = Math.round(Math.abs(seconds))
  const parts = []
  for (const [unit, size] of UNITS) {
    if (left < size && !(unit === 's' && parts.length === 0)) continue
    parts.push(`${whole.format(Math.floor(left / size))} ${unit}`)
    left %= size
    if (parts.length === 2) break
  }
  return parts.join(' ')
}

/** A declared name as words: `logins_last_7_days` is `logins last 7 days`. */
export const words = (name) => name.replaceAll('_', ' ')

export function featureValue(value) {
  if (value === null) return 'none'
  return typeof value === 'number' ? short.format(value) : value
}
