/** Top lists by sorting all customers, from every score that there ever was. */
import { riskLevelOf } from '../../src/scoring/risk.js'
import { dayOf } from '../../src/snapshots/day-scores.js'
import { riskLevels, topMax, type TopRow } from '../../src/snapshots/top-lists.js'

const DAY_MS = 86_400_000

/** All that was ever scored of a customer. */
interface Told {
  row: TopRow
  scores: { readonly asOf: number; readonly probability: number }[]
}

/** Every score ever, and the lists that are due of it. */
export class NaiveTop {
  readonly told = new Map<string, Told>()
  now = 0

  put(row: TopRow): void {
    const { customer, head } = row
    const before = this.told.get(customer)?.scores ?? []
    if (head !== null) this.now = Math.max(this.now, head.asOf)
    const scored = head === null || Number.isNaN(head.probability) ? [] : [head]
    this.told.set(customer, { row, scores: head === null ? [] : [...before, ...scored] })
  }

  lists() {
    const since = (dayOf(this.now) - 1) * DAY_MS
    const all = [...this.told.values()].flatMap(({ row: { customer, head }, scores }) => {
      if (head === null || head.retired || Number.isNaN(head.probability)) return []
      const { probability } = head
      const start = scores.findLast(({ asOf }) => asOf < since)?.probability ?? null
      const movedBy = start === null ? null : probability - start
      return [{ customer, probability, movedBy, level: riskLevelOf(probability)! }]
    })
    type One = (typeof all)[number]
    const best = (value: (one: One) => number, least: number) =>
      riskLevels.map((level) =>
        all
          .filter((one) => one.level === level && value(one) >= least)
          .sort((a, b) => value(b) - value(a) || (a.customer < b.customer ? -1 : 1))
          .slice(0, topMax)
          .map(({ customer, movedBy }) => `${customer} ${movedBy}`),
      )
    return {
      risk: best(({ probability }) => probability, 0),
      change: best(({ movedBy }) => Math.abs(movedBy ?? 0), 0.0005),
    }
  }
}
