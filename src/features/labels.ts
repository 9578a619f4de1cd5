import type { EventBody } from '../events/event.js'

/** An app's label, compiled. It looks forward over `[T + gap, T + gap + horizon)`. */
export interface CompiledLabels {
  readonly gapMs: number
  readonly horizonMs: number
  /** Event types that the label reads, by number. */
  readonly types: readonly number[]
  /** Whether a valid, non-duplicate event counts as the label's event. */
  matches(type: number, body: EventBody): boolean
  /** `lapse`: 1 without any match in the span; `event`: 1 with one. */
  readonly kind: 'lapse' | 'event'
}
