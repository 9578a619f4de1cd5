/**
 * A made-up business for pictures of the page: two minutes of portions, and the story of one customer.
 * Everything is of one seed, so that the same page makes the same picture.
 */
import type { OutputChange } from '../../src/events/output-changes.js'
import type { Served } from '../../src/serving/http.js'
import { seededRandom } from '../support/random.js'
import { engineStatus, NOW, partitionStatus, served } from './made-up.js'

const DAY_MS = 86_400_000
const SECONDS = 120

/** Days ago, why, how likely he leaves now, and what else is different from the step before. */
const told: readonly (readonly [number, OutputChange['cause'], number, OutputChange['values']])[] =
  [
    [62, 'event', 0.031, { days_since_last_login: 0, logins_last_7_days: 4 }],
    [55, 'event', 0.028, { logins_last_7_days: 5 }],
    [49, 'time', 0.041, { logins_last_7_days: 3, days_since_last_login: 2 }],
    [44, 'event', 0.036, { logins_last_7_days: 4, days_since_last_login: 0 }],
    [37, 'time', 0.083, { logins_last_7_days: 1, days_since_last_login: 7 }],
    [31, 'time', 0.142, { logins_last_7_days: 0, days_since_last_login: 13 }],
    [26, 'event', 0.118, { support_interaction_count_90d: 2 }],
    [20, 'time', 0.236, { logins_last_30_days: 9, days_since_last_login: 24 }],
    [14, 'event', 0.517, { payment_failures_last_6_months: 1, days_since_last_payment: 30 }],
    [11, 'time', 0.684, { login_frequency_trend: 0.29, days_since_last_login: 33 }],
    [8, 'time', 0.742, { logins_last_30_days: 2, days_since_last_login: 36 }],
    [5, 'event', 0.438, { logins_last_7_days: 2, days_since_last_login: 0 }],
    [3, 'event', 0.402, { days_since_last_payment: 0 }],
    [1, 'time', 0.581, { days_since_last_login: 4 }],
    [0, 'time', 0.6248999834060669, { logins_last_7_days: 1 }],
  ]

/** What is served of the customer `c0002187`, and of everybody else. */
export function sceneServed(): Served {
  const made = served()
  const base = made.rows.decodeFeatures(Buffer.from('c0002187'))
  let values: OutputChange['values'] = base.values
  const steps = told.map(([daysAgo, cause, probability, different], index): OutputChange => {
    values = { ...values, ...different }
    const risk = probability > 0.7 ? 'high' : probability > 0.4 ? 'medium' : 'low'
    const place = { commit: 40_000 + index, endOffset: 1_000_000 + index * 1_000 }
    const asOf = base.asOf - daysAgo * DAY_MS - (daysAgo === 0 ? 0 : ((index * 5) % 17) * 3_600_000)
    return { ...place, asOf, cause, retired: false, score: { probability, risk }, values }
  })
  const newestFirst = steps.toReversed()
  const history = async () => newestFirst.map((_, index) => Buffer.from([index]))
  const changes = { decode: ([index]: Uint8Array) => newestFirst[index] }
  return { ...made, lookups: { ...made.lookups, history }, changes }
}

/** The body of `/v1/stream`: all portions at once, and no other for an hour. */
export function sceneStream(at: number): string {
  const random = seededRandom(7)
  const portions = Array.from({ length: SECONDS }, (_, second) => portion(second, at, random))
  const texts = portions.map((facts) => `event: status\ndata: ${JSON.stringify(facts)}\n\n`)
  return `retry: 3600000\n${texts.join('')}`
}

type Random = ReturnType<typeof seededRandom>

const waves = (second: number, size: number, period: number) =>
  Math.round(size * (1 + 0.3 * Math.sin(second / period) + 0.12 * Math.sin(second / 3.1)))

let events = 1_190_000
let byEvent = 304_000
let byTime = 880_000

function portion(second: number, at: number, random: Random) {
  if (second === 0) [events, byEvent, byTime] = [1_190_000, 304_000, 880_000]
  events += waves(second, 184, 19)
  byEvent += waves(second, 131, 19)
  byTime += waves(second, 402, 31)
  const now = NOW - (SECONDS - 1 - second) * 4_320_000
  const task = partitionStatus({
    endOffset: events,
    logEndOffset: events,
    accepted: events - 13_000,
    scoresByEvent: byEvent,
    scoresByTime: byTime,
    asOf: now - 2_000,
    logClock: now - 4_000,
    commit: 48_000 + second * 8,
    rejected: { FIELD_RANGE: 812, EVENT_IN_FUTURE: 401, KEY_MISSING: 180, DECODE_FAILED: 64 },
  })
  const isLast = second === SECONDS - 1
  return {
    at: at - (SECONDS - second) * 1_000,
    status: engineStatus({ now, partitions: [task] }),
    changes: second < SECONDS - 12 ? [] : moves(second, now, random),
    histogram: [
      2410, 640, 410, 290, 214, 170, 132, 110, 88, 70, 61, 52, 47, 43, 52, 61, 70, 52, 41, 25,
    ],
    refused,
    ...(isLast && { distribution: distribution(), top: top(random) }),
  }
}

const idOf = (random: Random) => `c${String(random.below(10_000)).padStart(7, '0')}`

function moves(second: number, now: number, random: Random) {
  return (['event', 'time'] as const).map((cause, index) => {
    const previous = random.below(900) / 1_000
    const by = (random.below(260) + 15) / 1_000
    const rises = cause === 'time' ? random.below(4) > 0 : random.below(2) > 0
    const probability = Math.min(0.97, Math.max(0.01, rises ? previous + by : previous - by))
    const risk = probability > 0.7 ? 'high' : probability > 0.4 ? 'medium' : 'low'
    const sequence = second * 2 + index + 1
    return { customer: idOf(random), cause, asOf: now, probability, previous, risk, sequence }
  })
}

function distribution() {
  return Array.from({ length: 60 }, (_, day) => ({
    asOf: NOW - (59 - day) * DAY_MS,
    high: Math.round(210 + 2.2 * day + 30 * Math.sin(day / 5)),
    medium: Math.round(390 + 40 * Math.sin(day / 8 + 1)),
    low: 4_300,
  }))
}

function top(random: Random) {
  const customers = Array.from({ length: 12 }, (_, index) => {
    const isStory = index === 11
    const rises = isStory || random.below(3) > 0
    const movedBy = isStory ? 0.223 : (0.58 - index * 0.03) * (rises ? 1 : -1)
    const high = isStory ? 0.625 : 0.95 - random.below(20) / 100
    const probability = rises ? high : 0.04 + random.below(20) / 100
    const risk = probability > 0.7 ? 'high' : probability > 0.4 ? 'medium' : 'low'
    return { customer: isStory ? 'c0002187' : idOf(random), probability, risk, movedBy }
  })
  return { customers, complete: true, movesSince: '2025-03-02T00:00:00.000Z' }
}

const refused = {
  rejects: [
    refusal(1_204_101, 'c0004410', 'FIELD_RANGE', 'minutes is -5; 0 to 1440 is due'),
    refusal(1_203_877, '', 'KEY_MISSING', 'the record has no key'),
    refusal(1_203_420, 'c0000092', 'DECODE_FAILED', 'the value ends within this field'),
  ],
  late: [
    refusal(
      1_202_954,
      'c0007121',
      null,
      'it occurred at 2025-01-20T00:21:55.080Z, and nothing before 2025-02-03T00:00:00.000Z is kept any more',
    ),
  ],
}

function refusal(offset: number, customer: string, code: string | null, reason: string) {
  return { partition: 0, offset, customer, code, reason }
}
