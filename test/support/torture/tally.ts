/** What rounds amount to, in words. */
import { killPoints } from './kill-points.js'
import type { ScenarioEnd } from './scenarios.js'
import type { Storm } from './storm.js'

export class Tally {
  private readonly kills = new Map<string, number>()
  private readonly followed: number[] = []
  private readonly rests: number[] = []
  private rounds = 0
  private faulty = 0
  private records = 0
  private rows = 0
  private fullRestores = 0
  private stormMs = 0

  add(end: Storm): void {
    this.rounds++
    if (end.faults.length > 0) this.faulty++
    for (const [id, count] of end.kills) this.kills.set(id, (this.kills.get(id) ?? 0) + count)
    this.followed.push(...end.followed)
    this.rests.push(end.restMs)
    this.records += end.records
    this.rows += end.rows
    this.fullRestores += end.fullRestores
    this.stormMs += end.stormMs
  }

  roundText({ kills, unreached, stormMs, records, rows, commits, restMs }: Storm): string {
    const deaths = [...kills.values()].reduce((sum, count) => sum + count, 0)
    const pace = `${deaths} kills in ${Math.round(stormMs / 1000)} s, ${unreached} not reached`
    const amount = `${records} records, ${rows} rows, ${commits} commits`
    return `; ${pace}; ${amount}; at rest after ${(restMs / 1000).toFixed(1)} s`
  }

  endText({ records, rows, commits, restMs, followed, measured }: ScenarioEnd): string {
    const amount = `${records} records, ${rows} rows, ${commits} commits`
    const rest = `at rest after ${(restMs / 1000).toFixed(1)} s`
    const figures = [...measured].map(([name, all]) => `${name} ${spread(all, 'ms')}`)
    const replayed = `offsets replayed at an opening ${spread(followed, '')}`
    return ['', amount, rest, replayed, ...figures].join('; ')
  }

  lines(): string[] {
    const all = [...this.kills.values()].reduce((sum, count) => sum + count, 0)
    const perSecond = all / (this.stormMs / 1000)
    return [
      `storm: ${this.rounds} rounds, ${this.faulty} with faults, ${all} kills (${perSecond.toFixed(2)}/s)`,
      killPoints.map(({ id }) => `${id} ${this.kills.get(id) ?? 0}`).join(', '),
      `${this.records} records, ${this.rows} rows; all at rest after ${spread(this.rests, 'ms')}`,
      `offsets replayed at an opening ${spread(this.followed, '')}`,
      `full restores where the disk was kept: ${this.fullRestores}`,
    ]
  }
}

function spread(all: readonly number[], unit: string): string {
  if (all.length === 0) return 'none'
  const sorted = [...all].sort((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))])
  const end = unit === '' ? '' : ` ${unit}`
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, most ${at(1)}${end} (${all.length})`
}
