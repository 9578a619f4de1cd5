/** The rows of one commit by customer, and the damaged ones that stand near it. */
import type { FeaturesRow, ScoreRow } from '../events/output-rows.js'
import type { Emitted, EmittedTopic } from './emitted.js'

/** One topic's rows of one commit. */
export class TopicRows<R> {
  /** By customer; tombstones are apart. */
  readonly rows = new Map<string, Emitted<R>>()
  readonly tombstones = new Map<string, Emitted<R>>()
  readonly doubles: Emitted<R>[] = []
  private readonly astray: Emitted<R>[] = []
  /** Those that stood near the commit before: nobody has explained them by now. */
  strays: Emitted<R>[] = []

  constructor(private readonly topic: EmittedTopic<R>) {}

  get name(): string {
    return this.topic.topic
  }

  /** Goes on to a commit. */
  async next(commit: number): Promise<void> {
    this.rows.clear()
    this.tombstones.clear()
    this.doubles.length = 0
    this.strays = this.astray.splice(0)
    for (const emitted of await this.topic.take(commit)) {
      if (emitted.astray) this.astray.push(emitted)
      else {
        const side = emitted.record.value === null ? this.tombstones : this.rows
        if (side.has(emitted.customer)) this.doubles.push(emitted)
        else side.set(emitted.customer, emitted)
      }
    }
  }

  /** The row of a customer, a damaged one where there is no other. */
  find(customer: string): Emitted<R> | null {
    return this.rows.get(customer) ?? takeOut(this.astray, customer) ?? this.stray(customer)
  }

  /** Records that are left behind the last commit, and damaged ones that nothing explained. */
  async rest(): Promise<Emitted<R>[]> {
    return [...this.strays, ...this.astray, ...(await this.topic.rest())]
  }

  private stray(customer: string): Emitted<R> | null {
    return takeOut(this.strays, customer)
  }
}

function takeOut<R>(list: Emitted<R>[], customer: string): Emitted<R> | null {
  const at = list.findIndex((emitted) => emitted.customer === customer)
  return at < 0 ? null : list.splice(at, 1)[0]
}

/** Both topics. */
export interface CommitRows {
  readonly features: TopicRows<FeaturesRow>
  readonly scores: TopicRows<ScoreRow>
}
