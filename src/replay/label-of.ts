/** Labels look forward, over every valid event that is no duplicate, late ones too. */
import type { CompiledLabels } from '../features/labels.js'
import type { PastEvent } from './history.js'

export class CustomerLabels {
  /** Instants of the events that count, ascending. */
  private readonly instants: number[]

  /** `clock`: the largest log clock of the topic. */
  constructor(
    private readonly labels: CompiledLabels,
    history: readonly PastEvent[],
    private readonly clock: number,
  ) {
    this.instants = history
      .filter(({ type, body }) => labels.types.includes(type) && labels.matches(type, body))
      .map(({ body }) => body.occurred_at)
      .sort((a, b) => a - b)
  }

  /** 0 or 1; null while the span is not over. */
  at(asOf: number): number | null {
    const { gapMs, horizonMs, kind } = this.labels
    const from = asOf + gapMs
    const until = from + horizonMs
    if (until > this.clock) return null
    const first = this.instants[firstFrom(this.instants, from)]
    const happened = first !== undefined && first < until
    return happened === (kind === 'event') ? 1 : 0
  }
}

/** The place of the first instant at or after `from`. */
function firstFrom(instants: readonly number[], from: number): number {
  let low = 0
  let high = instants.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (instants[middle] < from) low = middle + 1
    else high = middle
  }
  return low
}
