/** What no event names: whether a customer is content, and how he stops to be. */
import type { Random } from './random.js'

export const DAY = 86_400_000

/** How likely a content customer is to begin to fade, a day. */
const FADE_CHANCE = 0.0027
/** How many who fade come round. */
const RECOVER_CHANCE = 0.08
/** From the loss of interest to the end of the period that is paid for. */
const LOW_DAYS = 33
/** What is left of the interest then. */
const LOW = 0.08
/** Before that the customer wavers, for a week at least; little can be seen of it. */
const WAVERING_DAYS = 7
export const BILL_PERIOD = 30 * DAY

/**
 * The hidden state that drives a life: interest goes slowly at first, then nearly all at once, and
 * with the period that is paid for the customer leaves, unless he has come round.
 */
export class Interest {
  fate: 'content' | 'leaving' | 'recovering' = 'content'
  /** Of today; 1 is that of a content customer. */
  level = 1
  private fadeStart = 0
  private lowStart = 0
  private end = 0

  constructor(private readonly random: Random) {}

  /** A new customer is content. */
  reset(): void {
    this.fate = 'content'
    this.level = 1
  }

  /** A business that is watched from today on has customers at every point of fading. */
  begin(originMs: number, billAt: number): void {
    if (!this.random.chance(0.1)) return
    this.fade(originMs - Math.floor(this.random.between(0, 50) * DAY), billAt)
  }

  /**
   * Goes to the day that begins at `dayMs`; the next bill is due at `billAt`; `restlessness` is 1
   * for the mean customer.
   */
  live(dayMs: number, billAt: number, restlessness: number): void {
    const begins = this.fate === 'content' && this.random.chance(FADE_CHANCE * restlessness)
    if (begins) this.fade(dayMs, billAt)
    if (this.fate === 'content') return
    const turn = this.lowStart + 12 * DAY
    if (this.fate === 'recovering' && dayMs >= turn) this.reset()
    else if (dayMs >= this.lowStart) this.level = LOW
    else {
      const part = (dayMs - this.fadeStart) / (this.lowStart - this.fadeStart)
      this.level = 1 - 0.3 * Math.max(0, part)
    }
  }

  /** Whether the customer leaves on the day that begins at `dayMs`. */
  endsOn(dayMs: number): boolean {
    return this.fate === 'leaving' && this.end < dayMs + DAY
  }

  private fade(startMs: number, billAt: number): void {
    this.fate = this.random.chance(RECOVER_CHANCE) ? 'recovering' : 'leaving'
    const lowMs = Math.floor(this.random.lognormal(LOW_DAYS, 0.08) * DAY)
    this.fadeStart = startMs
    this.end = billAt
    while (this.end - lowMs - WAVERING_DAYS * DAY < startMs) this.end += BILL_PERIOD
    this.lowStart = this.end - lowMs
  }
}
