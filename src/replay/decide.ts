/**
 * Decides every record of one partition in log order, as the live operators do, but without
 * aggregating: judging may run ahead of the aggregates, which wait for the instants that are asked.
 *
 * D1 The decisions are those of `operators/`: the same leaves, in the same order.
 * D2 An erased customer's records below his newest erasure move the clocks and nothing else.
 */
import type { App } from '../features/app.js'
import type { StoredRecord } from '../log/log.js'
import { Item } from '../operators/batch.js'
import { decodeItem } from '../operators/decode.js'
import { Progress } from '../operators/progress.js'
import { moveLogTime, validateItem, type ValidateOptions } from '../operators/validate.js'
import { JudgedCustomers } from './judged-customers.js'

/** An item decided; `visible` false where an erasure above has taken it away. */
export interface Decided {
  readonly item: Item<unknown>
  /** Log time of the record, ms UTC. */
  readonly logTime: number
  readonly visible: boolean
}

export class Decider {
  readonly progress: Progress
  private readonly judged: JudgedCustomers
  private readonly options: ValidateOptions

  /** `erasures`: the offset of each erased customer's newest erasure below the end. */
  constructor(
    private readonly app: Pick<App, 'codec' | 'rules' | 'engine'>,
    private readonly erasures: ReadonlyMap<string, number>,
    place: { readonly partition: number; readonly partitions: number },
  ) {
    this.progress = new Progress(null, 0)
    this.judged = new JudgedCustomers(app.engine)
    this.options = { rules: app.rules, ...place }
  }

  decide(record: StoredRecord): Decided {
    const { progress, judged } = this
    const item = new Item<unknown>(record)
    decodeItem(item, this.app.codec)
    moveLogTime(item, progress)
    const types = item.outcome === 'rejected' ? 0 : judged.typesOf(item.customer)
    validateItem(item, progress, this.options, types)
    progress.endOffset = record.offset + 1
    if (item.outcome === 'erasure') judged.erase(item.customer)
    else if (item.outcome === 'valid') this.judge(item)
    const erasedAt = this.erasures.size === 0 ? undefined : this.erasures.get(item.customer)
    const visible = erasedAt === undefined || record.offset > erasedAt
    return { item, logTime: progress.logTime, visible }
  }

  private judge(item: Item<unknown>): void {
    const clock = this.progress.logClock
    const state = this.judged.of(item.customer, clock)
    item.outcome = this.app.engine.judge(clock, state, item.type, item.body!)
  }
}
