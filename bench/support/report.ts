import { readdirSync, readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
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

/** Where CPU went: the main thread, which runs all JavaScript, and the others. */
export class ThreadShares {
  private before = threadTimes()

  restart(): void {
    this.before = threadTimes()
  }

  /** @example threads.text() // 'CPU: main thread 70 %, others (V8's, …) 10, 5, 5, 5, 5 %' */
  text(): string {
    const took = [...threadTimes()].map(
      ([id, ms]) => [id, ms - (this.before.get(id) ?? 0)] as const,
    )
    const total = took.reduce((sum, [, ms]) => sum + ms, 0)
    const share = (ms: number): number => Math.round((ms / total) * 100)
    const main = took.find(([id]) => id === String(process.pid))?.[1] ?? 0
    const others = took
      .filter(([id]) => id !== String(process.pid))
      .map(([, ms]) => share(ms))
      .filter((percent) => percent > 0)
      .sort((a, b) => b - a)
    return `CPU: main thread ${share(main)} %, others (V8's, LevelDB's, libuv's) ${others.join(', ')} %`
  }
}

/** ms of CPU by thread id; the kernel counts in hundredths of a second. */
function threadTimes(): Map<string, number> {
  const times = new Map<string, number>()
  for (const id of readdirSync('/proc/self/task')) {
    const [, fields] = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ')
    const [user, system] = fields.split(' ').slice(11, 13)
    times.set(id, (Number(user) + Number(system)) * 10)
  }
  return times
}

/** Collects garbage, as the end of a process would: for a benchmark of two runs in one process. */
export function forgetTheRunBefore(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

/** The most memory of its own that a process was seen to hold, looked at twice a second. */
export class PeakMemory {
  private own = 0

  constructor() {
    this.look()
    setInterval(() => this.look(), 500).unref()
  }

  /** Begins anew; what mapped files added stays. */
  restart(): void {
    this.own = 0
    this.look()
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
