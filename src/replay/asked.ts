/** What a training set is asked for: customers at instants. */
import type { Buckets } from './buckets.js'

export type Visibility = 'known' | 'happened'

/** The records of one partition below an offset; what an emitted row is a function of. */
export interface Prefix {
  readonly partition: number
  /** Exclusive. */
  readonly endOffset: number
}

/** One row that is due. */
export interface Ask {
  readonly customer: string
  /** ms UTC. */
  readonly asOf: number
  /** null: the records with a log time before `asOf`. */
  readonly prefix: Prefix | null
  /** Place in the rows file, from 0. */
  readonly row: number
}

/** f64 row, f64 as_of, f64 partition, f64 end offset (NaN: no prefix). */
const askBytes = 32

export function spillAsk(buckets: Buckets, ask: Ask): void {
  buckets.add(Buffer.from(ask.customer, 'utf8'), askBytes, (into, at) => {
    into.writeDoubleLE(ask.row, at)
    into.writeDoubleLE(ask.asOf, at + 8)
    into.writeDoubleLE(ask.prefix?.partition ?? NaN, at + 16)
    into.writeDoubleLE(ask.prefix?.endOffset ?? NaN, at + 24)
  })
}

export function readAsk(customer: string, bytes: Buffer): Ask {
  const partition = bytes.readDoubleLE(16)
  const prefix = Number.isNaN(partition) ? null : { partition, endOffset: bytes.readDoubleLE(24) }
  return { customer, row: bytes.readDoubleLE(0), asOf: bytes.readDoubleLE(8), prefix }
}

/** In the order in which a customer's state can grow. */
export function byInstant(a: Ask, b: Ask): number {
  return a.asOf - b.asOf || (a.prefix?.endOffset ?? 0) - (b.prefix?.endOffset ?? 0) || a.row - b.row
}
