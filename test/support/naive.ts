/**
 * A second implementation of the time and feature contract, naive on purpose, that shares no line
 * with the engine: raw events, no tiles, no running sums, every row scans the customer's events
 * again. What the engine, replay and verify compute is held against it.
 */
import type { EligibleSpec, FeatureSetSpec, SourceSpec } from '../../src/features/spec.js'
import { decide, type Decision, type NaiveRecord } from './naive/decide.js'
import {
  evaluate,
  holds,
  isEligible,
  retireAfterOf,
  type NaiveValue,
  type VisibleEvent,
} from './naive/evaluate.js'

export type { Decision, NaiveRecord } from './naive/decide.js'
export type { NaiveValue, VisibleEvent } from './naive/evaluate.js'

/** A label as plain data: `lapse` is 1 without an event of the source in the span, `event` with. */
export interface NaiveLabel {
  readonly kind: 'lapse' | 'event'
  readonly source: SourceSpec
  readonly gapMs: number
  readonly horizonMs: number
}

export type Visibility = 'known' | 'happened'

/** What is asked; with a prefix, the records of that partition below `endOffset` are seen. */
export interface NaiveAsk {
  readonly customer: string
  readonly asOf: number
  readonly prefix?: { readonly partition: number; readonly endOffset: number }
}

export interface NaiveRow {
  readonly customer: string
  readonly asOf: number
  /** null without a label spec, and while `labelTime` is beyond the log clock. */
  readonly label: number | null
  readonly labelTime: number | null
  /** In declared order. */
  readonly values: readonly NaiveValue[]
  readonly seen: boolean
  readonly eligible: boolean
  readonly retired: boolean
}

export interface NaiveDeclaration {
  readonly spec: FeatureSetSpec
  readonly eligible: EligibleSpec | null
  readonly label: NaiveLabel | null
}

const bytesOf = (id: string): Buffer => Buffer.from(id, 'utf8')

/** A whole log, decided once; rows are asked of it. */
export class NaiveLog {
  /** In the order of the records. */
  readonly decisions: readonly Decision[]
  /** The largest log clock of the topic; −Infinity without a valid event. */
  readonly clock: number
  /** Valid events that are no duplicates, by customer, in log order. */
  private readonly histories = new Map<string, Decision[]>()

  constructor(
    records: readonly NaiveRecord[],
    readonly declaration: NaiveDeclaration,
  ) {
    this.decisions = decide(records, declaration.spec)
    let clock = -Infinity
    for (const decision of this.decisions) {
      if (decision.clock > clock) clock = decision.clock
      if (decision.outcome !== 'accepted' && decision.outcome !== 'late') continue
      const customer = decision.record.body.customer_id
      const history = this.histories.get(customer)
      if (history === undefined) this.histories.set(customer, [decision])
      else history.push(decision)
    }
    this.clock = clock
  }

  get customers(): string[] {
    return [...this.histories.keys()]
  }

  /** The events that a row may use, in log order. */
  visible({ customer, asOf, prefix }: NaiveAsk, visibility: Visibility): VisibleEvent[] {
    const history = this.histories.get(customer) ?? []
    const chosen = history.filter(({ record, outcome, logTime }) => {
      if (record.body.occurred_at >= asOf) return false
      if (visibility === 'known' && outcome !== 'accepted') return false
      if (prefix !== undefined) {
        return record.partition === prefix.partition && record.offset < prefix.endOffset
      }
      return visibility === 'happened' || logTime < asOf
    })
    return chosen.map(({ record: { type, offset, body } }) => ({ type, offset, body }))
  }

  /** The row that is due for what was asked; an unknown customer has only nulls. */
  row(ask: NaiveAsk, visibility: Visibility): NaiveRow {
    const { spec, eligible, label } = this.declaration
    const events = this.visible(ask, visibility)
    const newest = events.reduce((most, { body }) => Math.max(most, body.occurred_at), -Infinity)
    return {
      customer: ask.customer,
      asOf: ask.asOf,
      label: this.label(ask),
      labelTime: label === null ? null : ask.asOf + label.gapMs + label.horizonMs,
      values: evaluate(spec, events, ask.asOf),
      seen: events.length > 0,
      eligible: isEligible(eligible, events, ask.asOf),
      retired: events.length > 0 && newest + retireAfterOf(spec, eligible) <= ask.asOf,
    }
  }

  /** Rows of a cut-off: customers seen and eligible, by the UTF-8 bytes of their ids. */
  cutoff(asOf: number, visibility: Visibility): NaiveRow[] {
    return this.customers
      .filter((customer) => {
        const events = this.visible({ customer, asOf }, visibility)
        return events.length > 0 && isEligible(this.declaration.eligible, events, asOf)
      })
      .map((customer) => this.row({ customer, asOf }, visibility))
      .sort((a, b) => Buffer.compare(bytesOf(a.customer), bytesOf(b.customer)))
  }

  /** Looks forward over every valid, non-duplicate event ever logged, late ones too. */
  private label({ customer, asOf }: NaiveAsk): number | null {
    const { label } = this.declaration
    if (label === null) return null
    const from = asOf + label.gapMs
    const until = from + label.horizonMs
    if (until > this.clock) return null
    const happened = (this.histories.get(customer) ?? []).some(
      ({ record: { type, body } }) =>
        type === label.source.event &&
        body.occurred_at >= from &&
        body.occurred_at < until &&
        (label.source.where === null || holds(label.source.where, body)),
    )
    return happened === (label.kind === 'event') ? 1 : 0
  }
}
