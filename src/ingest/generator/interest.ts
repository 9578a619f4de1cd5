/** What no event names: whether a customer is content, and how he stops to be. */
import type { Random } from './random.js'

export const DAY = 86_400_000

/** How likely a content customer is to begin to fade, a day. */
const FADE_CHANCE = 0.0026
/** How many who fade come round. */
const RECOVER_CHANCE = 0.1
/** The part of fading in which little can be seen yet. */
const WAVERING = 0.3
/** What is left of the interest after that. */
const LOW = 0.1

/**
 * The hidden state that drives a life. Fading takes about seven weeks: interest goes slowly at
 * first, then nearly all at once, and at the end the customer leaves, unless he has come round.
 */
export class Interest {
  fate: 'content' | 'leaving' | 'recovering' = 'content'
  /** Of today; 1 is that of a content customer. */
  level = 1
  private fadeStart = 0
  private fadeMs = 0

  constructor(private readonly random: Random) {}

  /** A new customer is content. */
  reset(): void {
    this.fate = 'content'
    this.level = 1
  }

  /** A business that is watched from today on has customers at every point of fading. */
  begin(originMs: number): void {
    if (!this.random.chance(0.1)) return
    this.fade(originMs)
    this.fadeStart -= Math.floor(this.fadeMs * this.random.next() * 0.9)
  }

  /** Goes to the day that begins at `dayMs`; `restlessness` is 1 for the mean customer. */
  live(dayMs: number, restlessness: number): void {
    if (this.fate === 'content' && this.random.chance(FADE_CHANCE * restlessness)) this.fade(dayMs)
    if (this.fate === 'content') return
    const part = Math.max(0, (dayMs - this.fadeStart) / this.fadeMs)
    if (this.fate === 'recovering' && part >= 0.5) this.reset()
    else this.level = part < WAVERING ? 1 - part : LOW
  }

  /** Whether the customer leaves on the day that begins at `dayMs`. */
  endsOn(dayMs: number): boolean {
    return this.fate === 'leaving' && dayMs + DAY >= this.fadeStart + this.fadeMs
  }

  private fade(dayMs: number): void {
    this.fate = this.random.chance(RECOVER_CHANCE) ? 'recovering' : 'leaving'
    this.fadeStart = dayMs
    this.fadeMs = Math.floor(this.random.lognormal(48, 0.15) * DAY)
  }
}
