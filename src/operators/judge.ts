import { map, type OperatorFunction } from 'rxjs'
import type { Overlay } from '../state/overlay.js'
import type { Batch, Item } from './batch.js'
import type { Program } from './program.js'
import type { Progress } from './progress.js'
import { moveLogTime, validateItem, type ValidateOptions } from './validate.js'

/**
 * Validates and judges, record by record in log order: a rule may ask what the judge accepted one
 * record earlier, so the two decisions share one loop and no border of a batch can show.
 */
export function judge<S>(
  program: Program<S>,
  overlay: Overlay<S>,
  progress: Progress,
  options: ValidateOptions,
): OperatorFunction<Batch<S>, Batch<S>> {
  return map((batch) => {
    for (const item of batch.items) judgeItem(item, program, overlay, progress, options)
    progress.endOffset = batch.endOffset
    return batch
  })
}

function judgeItem<S>(
  item: Item<S>,
  program: Program<S>,
  overlay: Overlay<S>,
  progress: Progress,
  options: ValidateOptions,
): void {
  const entry = item.entry
  moveLogTime(item, progress)
  validateItem(item, progress, options, entry === null ? 0 : program.acceptedTypes(entry.state))
  item.clock = progress.logClock
  if (item.outcome === 'rejected') return progress.countReject(item.reject!)
  if (item.outcome === 'erasure') {
    overlay.erase(entry!)
    progress.counts.erasures++
    return
  }
  const state = overlay.change(entry!)
  item.state = state
  const verdict = program.judge(progress.logClock, state, item.type, item.body!)
  item.outcome = verdict
  if (verdict === 'accepted') progress.counts.accepted++
  else if (verdict === 'late') {
    item.bound = program.lateBound(progress.logClock, item.type)
    progress.counts.late++
  } else progress.counts.duplicates++
}
