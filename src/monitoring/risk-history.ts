import type { RiskLevel } from '../scoring/risk.js'

/** How many of the customers on the board stood at each risk level at an instant. */
export interface RiskSample extends Readonly<Record<RiskLevel, number>> {
  /** ms UTC, of event time. */
  readonly asOf: number
}

const SAMPLES_MAX = 120
const FIRST_STEP_MS = 60_000
/** Of event time, in ms: what is older goes. */
const KEPT_MS = 60 * 86_400_000

/**
 * The distribution of scores over the last 60 days of event time, in at most 120 samples: minutes at
 * first; when they are too many, every second one goes and the steps are twice as long.
 */
export class RiskHistory {
  #samples: RiskSample[] = []
  #stepMs = FIRST_STEP_MS
  /** Counts the changes, so that nobody is told twice. */
  version = 0

  /** Whether time has come for another sample; `asOf` in ms UTC. */
  isDue(asOf: number): boolean {
    const last = this.#samples.at(-1)
    return last === undefined || asOf - last.asOf >= this.#stepMs
  }

  add(sample: RiskSample): void {
    this.#samples.push(sample)
    this.version++
    while (this.#samples[0].asOf < sample.asOf - KEPT_MS) this.#samples.shift()
    if (this.#samples.length <= SAMPLES_MAX) return
    this.#stepMs *= 2
    // The newest stays: the next one is a step behind it.
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0)
  }

  /** Oldest first. */
  samples(): readonly RiskSample[] {
    return this.#samples
  }
}
