import { pipe, type OperatorFunction } from 'rxjs'
import type { Overlay } from '../state/overlay.js'
import type { Timers } from '../state/timers.js'
import { aggregate } from './aggregate.js'
import { aggregateWindows } from './aggregate-windows.js'
import type { Batch } from './batch.js'
import { type Flow, flow } from './flow.js'
import { judge } from './judge.js'
import { load } from './load.js'
import type { Program } from './program.js'
import type { Progress } from './progress.js'
import type { ValidateOptions } from './validate.js'

/** The state of one partition. */
export interface PartitionState<S> {
  readonly overlay: Overlay<S>
  readonly timers: Timers
  readonly progress: Progress
}

export interface UpdateOptions<S> extends ValidateOptions {
  readonly program: Program<S>
  /** The operators of a topology of one's own; without them events go to their customers as they are. */
  readonly flow?: Flow | undefined
  readonly timersMax: number
}

/** From decoded batches to a state that has them: live, restoring and replaying alike. */
export function updateState<S>(
  { overlay, timers, progress }: PartitionState<S>,
  options: UpdateOptions<S>,
): OperatorFunction<Batch<S>, Batch<S>> {
  const { program, timersMax } = options
  if (options.flow !== undefined) {
    return pipe(
      flow(overlay, timers, progress, { ...options, flow: options.flow }),
      aggregateWindows(program, overlay, progress),
    )
  }
  return pipe(
    load(overlay, timers, progress, timersMax),
    judge(program, overlay, progress, options),
    aggregate(program),
  )
}
