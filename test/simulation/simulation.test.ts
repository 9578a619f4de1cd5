/**
 * Five hundred lives of an engine over memory adapters: wherever batches, commits and flushes close
 * (P1), whatever fails, crashes, stops or is damaged on the way (P2), every row re-derives, none is
 * missing, and state and snapshots are those of the input.
 *
 * `SIM='churn hard 87'` lives one life again; `SIM_SEEDS=20` lives twenty times as many.
 */
import { expect, test } from 'vitest'
import { churnApp, countApp } from './sim-app.js'
import { type Dangers, type Life, live } from './world.js'

const times = Number(process.env['SIM_SEEDS'] ?? 1)
const [onlyApp, onlyDanger, onlySeed] = process.env['SIM']?.split(' ') ?? []

type Lives = (seed: number, dangers: Dangers) => Promise<Life>

const apps: Record<string, () => Lives> = {
  count: () => {
    const app = countApp()
    return (seed, dangers) => live(app, seed, dangers)
  },
  churn: () => {
    const app = churnApp()
    return (seed, dangers) => live(app, seed, dangers)
  },
}

const dangers: Record<string, Dangers> = {
  none: { failure: 0, crash: 0, damage: 0 },
  failures: { failure: 0.04, crash: 0, damage: 0 },
  crashes: { failure: 0, crash: 0.03, damage: 0 },
  hard: { failure: 0.06, crash: 0.04, damage: 0.2 },
}

test.each([
  ['count', 'none', 100],
  ['count', 'failures', 80],
  ['count', 'crashes', 80],
  ['count', 'hard', 120],
  ['churn', 'none', 30],
  ['churn', 'failures', 30],
  ['churn', 'crashes', 30],
  ['churn', 'hard', 50],
])(
  'lives of the %s app with dangers: %s',
  async (app, danger, count) => {
    if (onlyApp !== undefined && (onlyApp !== app || onlyDanger !== danger)) return
    const lives = apps[app]()
    const [from, to] = onlySeed === undefined ? [1, count * times] : [+onlySeed, +onlySeed]
    let commits = 0
    for (let seed = from; seed <= to; seed++) {
      const life = await lives(seed, dangers[danger])
      commits += life.commits
      const again = `SIM='${app} ${danger} ${seed}' npx vitest run test/simulation`
      const faults = [...life.faults]
      if (life.redundant > 0 && life.starts + life.failures === 1) {
        faults.push(`${life.redundant} timers are served twice without a restart`)
      }
      expect(faults, `again: ${again}`).toEqual([])
    }
    // Lives without commits would prove nothing.
    expect(commits).toBeGreaterThan(to - from)
  },
  120_000 * times,
)
