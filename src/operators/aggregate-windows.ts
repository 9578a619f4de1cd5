import { map, type OperatorFunction } from 'rxjs'
import { failpoint } from '../failpoint.js'
import type { Overlay } from '../state/overlay.js'
import type { Batch, Item } from './batch.js'
import { Refused } from './events.js'
import type { Program } from './program.js'
import type { Progress } from './progress.js'

/**
 * Aggregates by key and window, event by event in log order: whether an event is late may hang on
 * the session that the event before it left open, so judging and adding share one loop. Events have
 * been validated (`flow`); what is late goes to the late output, with bound and clock.
 */
export function aggregateWindows<S>(
  program: Program<S>,
  overlay: Overlay<S>,
  progress: Progress,
): OperatorFunction<Batch<S>, Batch<S>> {
  return map((batch) => {
    failpoint('engine.mid-batch')
    for (const item of batch.items) aggregateItem(item, program, overlay, progress)
    progress.endOffset = batch.endOffset
    return batch
  })
}

function aggregateItem<S>(
  item: Item<S>,
  program: Program<S>,
  overlay: Overlay<S>,
  progress: Progress,
): void {
  const { counts } = progress
  if (item.outcome === 'rejected') return progress.countReject(item.reject!)
  if (item.outcome === 'erasure') {
    overlay.erase(item.entry!)
    counts.erasures++
    return
  }
  const { entry, clock, type, record } = item
  const body = item.body!
  if (program.judge(clock, entry!.state, type, body) === 'late') {
    item.outcome = 'late'
    item.bound = program.lateBound(clock, type)
    counts.late++
    return
  }
  item.state = overlay.change(entry!)
  try {
    program.update(item.state, type, body, record.offset, clock)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    item.refuse(error.reject)
    return progress.countReject(item.reject!)
  }
  item.outcome = 'accepted'
  counts.accepted++
}
