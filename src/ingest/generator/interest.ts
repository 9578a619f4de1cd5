/** What no event names: whether a customer is content, and how he stops to be. */
import type { Random } from './random.js'

export const DAY = 86_400_000
export const BILL_PERIOD = 30 * DAY

/** How likely a content customer is to begin to fade, a day. */
const FADE_CHANCE = 0.006
/** How many who fade come round. */
const RECOVER_CHANCE = 0.15
/** From the first doubt to the loss of interest, at least. */
const DECLINE_DAYS = 14
/** What is left of the interest at the end of this slope, which the moods of weeks hide. */
const DECLINED = 0.45
/** From the loss of interest to the end of the period that is paid for. */
const LOW_DAYS = 40
/** What is left of the interest then. */
const LOW = 0.06
/** How likely a content customer is to make up his mind overnight, a day. */
const DECIDE_CHANCE = 0.00025
/** How likely he is to stay away for a while, a day, and for how long: holidays, an exam. */
const PAUSE_CHANCE = 0.006
const PAUSE_DAYS = 11
/** What he does then, against other days. */
const PAUSED = 0.03
/** How far a week's mood lies from the mean. */
const MOOD_SPREAD = 0.3

/**
 * The hidden state that drives a life. Most of those who leave fade: interest goes slowly at
 * first, then nearly all at once, and with the period that is paid for the customer leaves, unless
 * he has come round. Some make up their minds and show nothing. And of those who fall silent, many
 * only pause.
 */
export class Interest {
  fate: 'content' | 'fading' | 'decided' = 'content'
  /** What he does today, against a content customer with his habits in a mean week. */
  level = 1
  /** When he leaves. */
  end = Infinity
  private mood = 1
  private moodUntil = 0
  private pausedUntil = 0
  private fadeStart = 0
  private lowStart = 0
  /** When he comes round. */
  private turn = Infinity

  constructor(private readonly random: Random) {}

  /** A new customer is content. */
  reset(): void {
    this.fate = 'content'
    this.level = 1
    this.end = Infinity
  }

  /** A business that is watched from today on has customers at every point of fading. */
  begin(originMs: number, billAt: number): void {
    if (!this.random.chance(0.25)) return
    this.fade(originMs - Math.floor(this.random.between(0, 64) * DAY), billAt)
  }

  /**
   * Goes to the day that begins at `dayMs`; the next bill is due at `billAt`; `restlessness` is 1
   * for the mean customer.
   */
  live(dayMs: number, billAt: number, restlessness: number): void {
    const { random } = this
    if (this.fate === 'content') this.choose(dayMs, billAt, FADE_CHANCE * restlessness)
    else if (this.fate === 'fading' && dayMs >= this.turn) this.reset()
    if (dayMs >= this.moodUntil) {
      this.mood = random.lognormal(0.96, MOOD_SPREAD)
      this.moodUntil = dayMs + 7 * DAY
    }
    const paused = dayMs < this.pausedUntil
    this.level = this.mood * (paused ? PAUSED : this.fate === 'fading' ? this.faded(dayMs) : 1)
  }

  /** He leaves at `end` and does not show it. */
  decide(end: number): void {
    this.fate = 'decided'
    this.end = end
  }

  /** Whether the customer leaves on the day that begins at `dayMs`. */
  endsOn(dayMs: number): boolean {
    return this.end < dayMs + DAY
  }

  private choose(dayMs: number, billAt: number, fadeChance: number): void {
    const { random } = this
    const u = random.next()
    if (u < fadeChance) this.fade(dayMs, billAt)
    else if (u < fadeChance + DECIDE_CHANCE) this.decide(billAt)
    else if (u > 1 - PAUSE_CHANCE && dayMs >= this.pausedUntil) {
      this.pausedUntil = dayMs + Math.floor(random.lognormal(PAUSE_DAYS, 0.6) * DAY)
    }
  }

  private faded(dayMs: number): number {
    if (dayMs >= this.lowStart) return LOW
    const part = (dayMs - this.fadeStart) / (this.lowStart - this.fadeStart)
    return 1 - (1 - DECLINED) * Math.max(0, part)
  }

  private fade(startMs: number, billAt: number): void {
    const { random } = this
    const recovers = random.chance(RECOVER_CHANCE)
    const lowMs = Math.floor(random.lognormal(LOW_DAYS, 0.12) * DAY)
    let end = billAt
    while (end - lowMs - DECLINE_DAYS * DAY < startMs) end += BILL_PERIOD
    this.fate = 'fading'
    this.fadeStart = startMs
    this.lowStart = end - lowMs
    this.turn = recovers ? this.lowStart + Math.floor(random.between(6, 26) * DAY) : Infinity
    this.end = recovers ? Infinity : end
  }
}
