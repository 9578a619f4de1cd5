/**
 * What judging remembers of every customer, while a replay runs ahead of its aggregates.
 *
 * B1 A customer whose ids are all forgotten by the log clock keeps his accepted types and nothing
 *    else: about a hundred bytes, whatever he has done.
 */
import { MS_PER_DAY, MS_PER_HOUR } from '../features/duration.js'
import type { FeatureEngine, Judged } from '../features/engine.js'

/** Ids count for a day and are dropped by whole hours: by then judging starts as if anew. */
const forgottenAfterMs = MS_PER_DAY + MS_PER_HOUR

interface Recent {
  readonly judged: Judged
  /** Log clock at his last event. */
  clock: number
}

export class JudgedCustomers {
  private readonly recent = new Map<string, Recent>()
  private readonly acceptedTypes = new Map<string, number>()
  private sweptAt = -Infinity

  constructor(private readonly engine: FeatureEngine) {}

  /** Bit t is set where an event of type t was accepted. */
  typesOf(customer: string): number {
    const recent = this.recent.get(customer)
    return recent?.judged.acceptedTypes ?? this.acceptedTypes.get(customer) ?? 0
  }

  /** The state by which an event of this customer is judged at the log clock `clock`. */
  of(customer: string, clock: number): Judged {
    if (clock >= this.sweptAt + forgottenAfterMs) this.sweep(clock)
    let recent = this.recent.get(customer)
    if (recent === undefined) {
      const judged = this.engine.newJudged()
      judged.acceptedTypes = this.acceptedTypes.get(customer) ?? 0
      recent = { judged, clock }
      this.recent.set(customer, recent)
    }
    recent.clock = clock
    return recent.judged
  }

  /** Forgets a customer who was erased. */
  erase(customer: string): void {
    this.recent.delete(customer)
    this.acceptedTypes.delete(customer)
  }

  /** Keeps B1. */
  private sweep(clock: number): void {
    this.sweptAt = clock
    for (const [customer, recent] of this.recent) {
      if (recent.clock + forgottenAfterMs > clock) continue
      this.recent.delete(customer)
      const types = recent.judged.acceptedTypes
      if (types !== 0) this.acceptedTypes.set(customer, types)
    }
  }
}
