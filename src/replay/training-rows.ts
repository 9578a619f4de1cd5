/** The second pass of a replay: bucket by bucket, customer by customer, the rows that are due. */
import type { App } from '../features/app.js'
import { FeatureRows } from '../features/rows.js'
import { type Ask, byInstant, readAsk, type Visibility } from './asked.js'
import type { Buckets } from './buckets.js'
import { CustomerReplay } from './customer-replay.js'
import { type PastEvent, readEvent } from './history.js'
import { CustomerLabels } from './label-of.js'
import type { RowHeads, TrainingFile } from './parquet-training-file.js'

/** Rows that go to the file at once, the size of a chunk of DuckDB's. */
const rowsPerChunk = 2048

/** Cut-offs ask every customer who is seen and eligible; a rows file is answered row by row. */
export type Asked =
  | { readonly kind: 'cutoffs'; readonly instants: readonly number[] }
  | { readonly kind: 'rows'; readonly asks: Buckets }

export interface RowsOptions {
  readonly app: Pick<App, 'codec' | 'engine' | 'labels'>
  readonly visibility: Visibility
  readonly asked: Asked
  /** The largest log clock of the topic, ms UTC. */
  readonly clock: number
}

class Heads implements RowHeads {
  readonly places: number[] = []
  readonly instants: number[] = []
  readonly labels: (number | null)[] = []
  readonly labelTimes: (number | null)[] = []
}

export class TrainingRows {
  private rows: FeatureRows
  private heads = new Heads()
  labelled = 0

  constructor(
    private readonly options: RowsOptions,
    private readonly file: TrainingFile,
  ) {
    this.rows = new FeatureRows(options.app.engine.columns, rowsPerChunk)
  }

  /** Computes the rows of one bucket. */
  bucket(number: number, events: Buckets): void {
    const { asked, app } = this.options
    const histories = events.read(number)
    const asks = asked.kind === 'rows' ? asked.asks.read(number) : null
    for (const customer of asks?.keys() ?? histories.keys()) {
      const history = (histories.get(customer) ?? []).map((bytes) => readEvent(bytes, app.codec))
      const due = asks?.get(customer)?.map((bytes) => readAsk(customer, bytes))
      this.customer(customer, history, due?.sort(byInstant) ?? null)
    }
  }

  /** Hands over what has gathered. */
  flush(): void {
    this.file.add(this.rows, this.heads)
    this.rows = new FeatureRows(this.options.app.engine.columns, rowsPerChunk)
    this.heads = new Heads()
  }

  private customer(
    customer: string,
    history: readonly PastEvent[],
    asks: readonly Ask[] | null,
  ): void {
    const { app, visibility, asked, clock } = this.options
    const replay = new CustomerReplay(app.engine, history, visibility)
    const labels = app.labels && new CustomerLabels(app.labels, history, clock)
    const due = asks ?? (asked.kind === 'cutoffs' ? cutoffsOf(customer, asked.instants) : [])
    for (const ask of due) {
      const aggregates = replay.at(ask)
      // Who is not seen at a cut-off has no row there; who was asked for by name has one of nulls.
      if (asks === null && !app.engine.seen(aggregates)) continue
      const row = this.rows.add(customer, 'event')
      app.engine.read(aggregates, ask.asOf, this.rows, row)
      if (asks === null && !this.rows.eligible[row]) this.rows.removeLast()
      else this.head(ask, labels)
    }
  }

  private head({ row, asOf }: Ask, labels: CustomerLabels | null): void {
    const { heads, options } = this
    const label = labels?.at(asOf) ?? null
    const spec = options.app.labels
    if (label !== null) this.labelled++
    heads.places.push(row)
    heads.instants.push(asOf)
    heads.labels.push(label)
    heads.labelTimes.push(spec && asOf + spec.gapMs + spec.horizonMs)
    if (heads.places.length === rowsPerChunk) this.flush()
  }
}

function cutoffsOf(customer: string, instants: readonly number[]): Ask[] {
  return instants.map((asOf) => ({ customer, asOf, prefix: null, row: 0 }))
}
