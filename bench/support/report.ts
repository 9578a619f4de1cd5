import { readFileSync } from 'node:fs'
import { calibrate } from './calibrate.js'

/** What avsc took for a value where the targets were set, in µs. */
const referenceMicroseconds = 0.33

/**
 * Prints figures, each as a multiple of the calibration of the same run beside its target as a
 * multiple of the calibration that it was set with: machines drift by half, multiples by less.
 */
export class Report {
  readonly control = calibrate()

  constructor(title: string) {
    console.log(title)
    console.log(
      `  avsc decode of W1's values in this run: ${this.control.toFixed(3)} µs CPU ` +
        `(${referenceMicroseconds} where the targets were set)`,
    )
  }

  /**
   * @param microseconds of CPU, of the whole process
   * @param what a unit of work, such as `an event`
   * @param target in µs on the machine where the targets were set; null: none was set
   */
  figure(microseconds: number, what: string, target: number | null = null): void {
    const times = (microseconds / this.control).toFixed(1)
    const text = `${microseconds.toFixed(2)} µs CPU ${what} = ${times} × avsc decode`
    const due =
      target === null
        ? ''
        : ` (target ${target} µs = ${(target / referenceMicroseconds).toFixed(1)} ×)`
    this.line(text + due)
  }

  /** CPU seconds in all. */
  seconds(seconds: number, what: string, target: number): void {
    const scaled = (seconds * referenceMicroseconds) / this.control
    this.line(
      `${seconds.toFixed(1)} s CPU ${what}, ${scaled.toFixed(1)} s at the calibration of the ` +
        `targets (target ${target} s)`,
    )
  }

  line(text: string): void {
    console.log(`  ${text}`)
  }
}

/** µs of CPU of the whole process, all threads, since `before` (`process.cpuUsage()`). */
export function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** The most memory of its own that a process was seen to hold, looked at twice a second. */
export class PeakMemory {
  private own = 0

  constructor() {
    this.look()
    setInterval(() => this.look(), 500).unref()
  }

  /** In MB: what only this process holds, and all that was ever resident. */
  text(): string {
    this.look()
    const resident = Math.round(process.resourceUsage().maxRSS / 1024)
    return `peak memory ${this.own} MB, ${resident} MB with mapped files, which the system may drop`
  }

  private look(): void {
    const [, anonymous] =
      /^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    this.own = Math.max(this.own, Math.round(Number(anonymous) / 1024))
  }
}
