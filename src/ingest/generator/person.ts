/** Who a customer is: what he tells, and what drives him and nobody is told. */
import type { Random } from './random.js'
import { zones, zoneShares } from './rhythm.js'

export interface Plan {
  readonly name: string
  /** A month, in EUR. */
  readonly price: number
  /** How much likelier than others its customers are to lose interest. */
  readonly restlessness: number
}

/** From the smallest to the largest. */
export const plans: readonly Plan[] = [
  { name: 'basic', price: 7.99, restlessness: 1.4 },
  { name: 'standard', price: 11.99, restlessness: 1 },
  { name: 'premium', price: 15.99, restlessness: 0.85 },
  { name: 'family', price: 19.99, restlessness: 0.6 },
]
const PLAN_SHARES = [0.35, 0.35, 0.18, 0.12]

export interface Person {
  /** Null where he did not tell. */
  readonly age: number | null
  readonly gender: string | null
  readonly location: string | null
  readonly channel: string
  readonly zone: number
  /** Index of the plan that he begins with. */
  readonly plan: number
  /** From the most to the least used. */
  readonly devices: readonly string[]
  /** Shares of the content types. */
  readonly taste: readonly number[]
  /** Visits, against the mean customer. */
  readonly eagerness: number
  /** How long a visit of his is, in s. */
  readonly patience: number
  /** Chance to lose interest, against the mean customer. */
  readonly restlessness: number
}

const CHANNELS = ['organic', 'search', 'social', 'referral', 'partner']
const DEVICES = [
  ['mobile', 'tv', 'desktop'],
  ['tv', 'mobile', 'tablet'],
  ['desktop', 'mobile', 'tv'],
  ['tablet', 'tv', 'mobile'],
]
const TASTES = [
  [0.7, 0.2, 0.05, 0.05],
  [0.3, 0.6, 0.05, 0.05],
  [0.2, 0.15, 0.6, 0.05],
  [0.25, 0.15, 0.1, 0.5],
]

/** A new customer by chance. */
export function personOf(random: Random): Person {
  const years = Math.round(random.lognormal(36, 0.35))
  const age = Math.min(Math.max(years, 18), 95)
  const channel = random.index([0.3, 0.25, 0.2, 0.15, 0.1])
  const zone = random.index(zoneShares)
  // The young and those whom an advertisement has won are quicker to go.
  const restlessness = (age < 28 ? 1.3 : 0.9) * (channel === 2 ? 1.3 : channel === 3 ? 0.7 : 1)
  // Some hardly ever come and stay for years.
  const eagerness = random.lognormal(0.85, 0.55)
  return {
    age: random.chance(0.04) ? null : age,
    gender: random.chance(0.06)
      ? null
      : ['female', 'male', 'other'][random.index([0.49, 0.49, 0.02])],
    location: random.chance(0.01) ? null : zones[zone].location,
    channel: CHANNELS[channel],
    zone,
    plan: random.index(PLAN_SHARES),
    devices: DEVICES[random.index([0.4, 0.35, 0.15, 0.1])],
    taste: TASTES[random.index([0.45, 0.25, 0.15, 0.15])],
    eagerness,
    patience: random.lognormal(1500, 0.3),
    restlessness: eagerness < 0.5 ? 0.6 * restlessness : restlessness,
  }
}
