/**
 * Progress of long work on stderr: how much, how fast, how long still. A terminal gets one line
 * that rewrites itself, at most once a second; anything else a plain line every five seconds.
 */
import type { CliIo } from './io.js'

const TERMINAL_MS = 1_000
const PLAIN_MS = 5_000
/** The rate is a mean over about this long: short enough to follow, long enough to be steady. */
const RATE_MS = 10_000

/** Made when it is asked for: that takes a worker 20 ms of its start. */
let numbers: Intl.NumberFormat | null = null

function whole(value: number): string {
  numbers ??= new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
  return numbers.format(value)
}

export class Progress {
  readonly #io: CliIo
  readonly #step: string
  readonly #unit: string
  readonly #startedAt: number
  #rate: RateMeter
  #printedAt: number
  #width = 0

  /** @example new Progress(io, 'replay', 'records').update(43_210, 100_000) */
  constructor(io: CliIo, step: string, unit: string) {
    this.#io = io
    this.#step = step
    this.#unit = unit
    this.#startedAt = io.now()
    // The first line comes after a full interval: short work stays silent.
    this.#printedAt = this.#startedAt
    this.#rate = new RateMeter(this.#startedAt, 0)
  }

  /** `total` is null where the end is not known. */
  update(done: number, total: number | null): void {
    const now = this.#io.now()
    if (now - this.#printedAt < (this.#io.isTerminal ? TERMINAL_MS : PLAIN_MS)) return
    this.#printedAt = now
    const rate = this.#rate.add(now, done)
    this.#print(progressText(this.#step, this.#unit, done, total, rate))
  }

  /** A line of the caller's own making, under the same limits. */
  note(text: () => string): void {
    const now = this.#io.now()
    if (now - this.#printedAt < (this.#io.isTerminal ? TERMINAL_MS : PLAIN_MS)) return
    this.#printedAt = now
    this.#print(text())
  }

  /** The last line stays: what was done, in how long. */
  end(done: number): void {
    const seconds = (this.#io.now() - this.#startedAt) / 1000
    const rate = seconds > 0 ? `, ${rateText(done / seconds)}/s` : ''
    this.#print(`${this.#step}: ${whole(done)} ${this.#unit} in ${spanText(seconds)}${rate}`)
    this.clear()
  }

  /** Leaves a rewritten line standing, so that what follows begins on its own. */
  clear(): void {
    if (this.#io.isTerminal && this.#width > 0) this.#io.err('\n')
    this.#width = 0
  }

  #print(text: string): void {
    if (!this.#io.isTerminal) {
      this.#io.err(`${text}\n`)
      return
    }
    const line = text.slice(0, Math.max(20, this.#io.columns - 1))
    this.#io.err(`\r${line.padEnd(this.#width)}`)
    this.#width = line.length
  }
}

/** A rate that forgets: an exponential mean of what was done between two looks. */
export class RateMeter {
  #at: number
  #done: number
  #rate: number | null = null

  constructor(at: number, done: number) {
    this.#at = at
    this.#done = done
  }

  /** The rate per second after `done` at the instant `at` (ms). */
  add(at: number, done: number): number {
    const elapsed = at - this.#at
    if (elapsed <= 0) return this.#rate ?? 0
    const latest = (Math.max(0, done - this.#done) / elapsed) * 1000
    const weight = this.#rate === null ? 1 : 1 - Math.exp(-elapsed / RATE_MS)
    this.#rate = (this.#rate ?? 0) + weight * (latest - (this.#rate ?? 0))
    this.#at = at
    this.#done = done
    return this.#rate
  }
}

/** @example progressText('restore', 'records', 500, 1000, 100) // 'restore: 500 of 1,000 records (50%), 100/s, 5 s left' */
export function progressText(
  step: string,
  unit: string,
  done: number,
  total: number | null,
  rate: number,
): string {
  const speed = `${rateText(rate)}/s`
  if (total === null) return `${step}: ${whole(done)} ${unit}, ${speed}`
  const share = total === 0 ? 100 : Math.floor((done / total) * 100)
  const left = rate > 0 ? `, ${spanText(Math.max(0, total - done) / rate)} left` : ''
  return `${step}: ${whole(done)} of ${whole(total)} ${unit} (${share}%), ${speed}${left}`
}

/** @example rateText(3.25) // '3.3' */
export function rateText(rate: number): string {
  return rate < 10 ? String(Math.round(rate * 10) / 10) : whole(rate)
}

/** @example spanText(3_725) // '1 h 2 min' */
export function spanText(seconds: number): string {
  const rounded = Math.ceil(seconds)
  if (rounded < 60) return `${rounded} s`
  const minutes = Math.floor(rounded / 60)
  if (minutes < 60) return `${minutes} min ${rounded % 60} s`
  return `${whole(Math.floor(minutes / 60))} h ${minutes % 60} min`
}
