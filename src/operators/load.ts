import { concatMap, from, map, of, type OperatorFunction } from 'rxjs'
import type { Overlay } from '../state/overlay.js'
import type { Timers } from '../state/timers.js'
import type { Batch } from './batch.js'
import type { Progress } from './progress.js'

/**
 * Makes resident every customer that the batch can touch: those of its records, and those whose
 * timers may be due once it is through. Behind this operator nothing waits for the store until the
 * commit, so a batch cannot be overtaken by the next one.
 */
export function load<S>(
  overlay: Overlay<S>,
  timers: Timers,
  progress: Progress,
  timersMax: number,
): OperatorFunction<Batch<S>, Batch<S>> {
  return concatMap((batch) => {
    const loading = loadBatch(batch, overlay, timers, progress, timersMax)
    return loading === null ? of(batch) : from(loading).pipe(map(() => batch))
  })
}

/** Attaches the entries of a batch; null where nothing has to be waited for. */
export function loadBatch<S>(
  batch: Batch<S>,
  overlay: Overlay<S>,
  timers: Timers,
  progress: Progress,
  timersMax: number,
): Promise<void> | null {
  overlay.evict()
  const missing = new Set<string>()
  // Operators of one's own may have left nothing of the event that moved the clock.
  let asOf = Math.max(progress.asOf, progress.logClock, batch.tick ?? 0)
  for (const item of batch.items) {
    if (item.outcome === 'rejected') continue
    item.entry = overlay.entry(item.customer)
    if (item.entry === null) missing.add(item.customer)
    if (item.body !== null && item.body.occurred_at >= asOf) asOf = item.body.occurred_at + 1
  }
  const due: string[] = []
  for (const { customer } of timers.peek(asOf, timersMax)) {
    if (!missing.has(customer) && overlay.look(customer) === null) due.push(customer)
  }
  if (missing.size === 0 && due.length === 0) return null
  return fetchBoth(overlay, [...missing], due).then(() => attach(batch, overlay))
}

async function fetchBoth<S>(
  overlay: Overlay<S>,
  touched: readonly string[],
  due: readonly string[],
): Promise<void> {
  if (touched.length > 0) await overlay.fetch(touched, 'event')
  if (due.length > 0) await overlay.fetch(due, 'timer')
}

function attach<S>(batch: Batch<S>, overlay: Overlay<S>): void {
  for (const item of batch.items) {
    if (item.outcome !== 'rejected') item.entry ??= overlay.entry(item.customer)
  }
}
