/** `GET /v1/customers/:id/history`: the steps that led to a customer's score, newest first. */
import type { OutputChange } from '../events/output-changes.js'
import type { FeaturesRow } from '../events/output-rows.js'
import {
  type CustomerLookup,
  coordinatesOf,
  findCustomer,
  isoOf,
  whileServersAnswer,
} from './customer.js'
import { Problem } from './problems.js'

/** Turns what a history keeps back into values; `OutputChanges` is one. */
export interface ChangeDecoder {
  decode(bytes: Uint8Array): OutputChange
}

export interface HistoryLookup extends CustomerLookup {
  readonly changes: ChangeDecoder
}

/** What a history tells of one customer, the newest step first. */
export interface CustomerHistory {
  readonly customer: string
  readonly steps: readonly HistoryStep[]
  readonly synthetic: boolean
}

export type HistoryStep = ReturnType<typeof stepOf>

/** What is kept of a customer: his newest row, and the bytes of his changes, newest first. */
export interface KeptHistory {
  readonly row: FeaturesRow
  readonly changes: readonly Uint8Array[]
}

export const STEPS_MAX = 100

/**
 * The answer for one customer; `limit` of 1 to 100 steps, all that are kept without one.
 *
 * @throws Problem LIMIT_INVALID, and what `lookUpCustomer` throws
 */
export async function lookUpHistory(
  lookup: HistoryLookup,
  id: string,
  limit: string | undefined,
): Promise<CustomerHistory> {
  const most = limitOf(limit)
  const { row } = await findCustomer(lookup, id)
  // What moved in the oldest of them is told by the one before.
  const changes = await whileServersAnswer(() => lookup.lookups.history(id, most + 1))
  const steps = stepsOf({ row, changes }, lookup.changes, most)
  return { customer: id, steps, synthetic: lookup.engine.status().synthetic }
}

/** The newest `most` steps of what is kept. */
export function stepsOf(kept: KeptHistory, decoder: ChangeDecoder, most: number): HistoryStep[] {
  const changes = kept.changes.map((bytes) => decoder.decode(bytes))
  return changes.slice(0, most).map((change, index) => stepOf(change, changes[index + 1], kept.row))
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return STEPS_MAX
  const limit = /^[0-9]{1,3}$/.test(text) ? Number(text) : NaN
  if (limit >= 1 && limit <= STEPS_MAX) return limit
  throw new Problem('LIMIT_INVALID', `limit is a whole number of 1 to ${STEPS_MAX}`)
}

/** `before`: the step that came before; undefined where none is kept, and what moved is not known. */
function stepOf(change: OutputChange, before: OutputChange | undefined, row: FeaturesRow) {
  const { asOf, endOffset, commit, cause, retired, score, values } = change
  return {
    asOf: isoOf(asOf),
    cause,
    retired,
    score: score && { ...score, movedBy: moved(change, before) },
    /** Feature by feature, only those that are different; null: what was before is not kept. */
    changed: before === undefined ? null : differences(values, before.values),
    // What is as it was, where nothing else tells it.
    ...(before === undefined && { features: values }),
    coordinates: coordinatesOf({ ...row, asOf, endOffset, commit }),
  }
}

function moved({ score }: OutputChange, before: OutputChange | undefined): number | null {
  const [now, then] = [score?.probability ?? null, before?.score?.probability ?? null]
  return now === null || then === null ? null : now - then
}

function differences(
  values: OutputChange['values'],
  before: OutputChange['values'],
): { feature: string; from: number | string | null; to: number | string | null }[] {
  const found = []
  for (const [feature, to] of Object.entries(values)) {
    const from = before[feature] ?? null
    if (from !== to) found.push({ feature, from, to })
  }
  return found
}
