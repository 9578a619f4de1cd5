/**
 * One customer at ascending instants: his events enter the aggregates when they become visible,
 * and not before.
 *
 * H1 Under `known` an event is visible at T when it was accepted, its record's log time is before T
 *    and it occurred before T; under `happened` a late one too, whenever it was logged. A prefix
 *    takes the place of log time.
 * H2 Nothing is pruned that T or a later instant needs (`keepFrom` = T).
 */
import type { Aggregates, FeatureEngine } from '../features/engine.js'
import type { Ask, Visibility } from './asked.js'
import type { PastEvent } from './history.js'

export class CustomerReplay {
  private aggregates: Aggregates
  /** Events below this place have entered, or wait in `held`. */
  private reached = 0
  /** Reached, but they occur at or after the last instant; in log order. */
  private held: PastEvent[] = []
  private readonly events: readonly PastEvent[]

  constructor(
    private readonly engine: FeatureEngine,
    history: readonly PastEvent[],
    private readonly visibility: Visibility,
  ) {
    this.events = visibility === 'known' ? history.filter(({ late }) => !late) : history
    this.aggregates = engine.newAggregates()
  }

  /** The aggregates at an ask; asks come in the order of `byInstant`. */
  at(ask: Ask): Aggregates {
    const end = this.endOf(ask)
    if (end < this.reached) this.startAgain()
    const { asOf } = ask
    if (this.held.length > 0) this.held = this.held.filter((event) => !this.enter(event, asOf))
    for (; this.reached < end; this.reached++) {
      const event = this.events[this.reached]
      if (!this.enter(event, asOf)) this.held.push(event)
    }
    return this.aggregates
  }

  /** The events that an ask sees, in log order. */
  visible(ask: Ask): PastEvent[] {
    const { asOf } = ask
    return this.events.slice(0, this.endOf(ask)).filter(({ body }) => body.occurred_at < asOf)
  }

  private enter({ type, body, offset }: PastEvent, asOf: number): boolean {
    if (body.occurred_at >= asOf) return false
    this.engine.update(this.aggregates, type, body, offset, asOf)
    return true
  }

  /** How many events, in log order, the ask may see as far as the log goes. */
  private endOf({ asOf, prefix }: Ask): number {
    const { events } = this
    if (prefix === null && this.visibility === 'happened') return events.length
    let low = 0
    let high = events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const event = events[middle]
      const before =
        prefix === null
          ? event.logTime < asOf
          : event.partition === prefix.partition && event.offset < prefix.endOffset
      if (before) low = middle + 1
      else high = middle
    }
    return low
  }

  /** A later instant may come with a shorter prefix: what has entered cannot be taken back. */
  private startAgain(): void {
    this.aggregates = this.engine.newAggregates()
    this.reached = 0
    this.held = []
  }
}
