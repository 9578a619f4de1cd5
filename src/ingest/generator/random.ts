/**
 * Random numbers that are the same on every machine: sfc32, 128 bits of state, by Chris
 * Doty-Humphrey (PractRand 0.94, `sfc32.h`, public domain).
 *
 * Every customer has his own, so that what one does moves no other one's numbers.
 */
export class Random {
  private a: number
  private b: number
  private c: number
  private counter = 1

  /** `stream` tells apart the generators of one seed; both are taken as 32-bit integers. */
  constructor(seed: number, stream: number) {
    this.a = seed | 0
    this.b = stream | 0
    this.c = 0x9e3779b9 | 0
    // Seeds differ in few bits; PractRand's author mixes for 12 rounds before the first number.
    for (let i = 0; i < 12; i++) this.next()
  }

  /** In [0, 1), in steps of 2^-32. */
  next(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0
    return (sum >>> 0) / 4_294_967_296
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** In [from, to). */
  between(from: number, to: number): number {
    return from + (to - from) * this.next()
  }

  /** With mean 1; the waiting time of a steady rate. */
  exponential(): number {
    return -Math.log(1 - this.next())
  }

  /** With mean 0 and deviation 1 (Box and Muller 1958). */
  normal(): number {
    return Math.sqrt(2 * this.exponential()) * Math.cos(2 * Math.PI * this.next())
  }

  /** Around `median`; `spread` 0.4 puts two thirds between two thirds and one and a half of it. */
  lognormal(median: number, spread: number): number {
    return median * Math.exp(spread * this.normal())
  }

  /** An index of `weights`, which add up to 1. */
  index(weights: readonly number[]): number {
    let left = this.next()
    for (let i = 0; i < weights.length - 1; i++) {
      left -= weights[i]
      if (left < 0) return i
    }
    return weights.length - 1
  }
}
