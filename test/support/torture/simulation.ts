/** Many lives of the simulation, on all cores. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { againOf } from '../../simulation/lives.js'

const script = fileURLToPath(new URL('live-seeds.ts', import.meta.url))

interface Told {
  readonly seed: number
  readonly faults: readonly string[]
  readonly commits: number
  readonly crashes: number
  readonly failures: number
}

export interface Simulated {
  readonly lives: number
  readonly commits: number
  readonly crashes: number
  readonly failures: number
  readonly faulty: number
}

/** Lives `seeds` lives from `from` on, in `jobs` processes. */
export async function simulate(
  from: number,
  seeds: number,
  jobs: number,
  say: (text: string) => void,
): Promise<Simulated> {
  const total = { lives: 0, commits: 0, crashes: 0, failures: 0, faulty: 0 }
  const startedMs = performance.now()
  let toldMs = startedMs
  const take = (told: Told): void => {
    total.lives++
    total.commits += told.commits
    total.crashes += told.crashes
    total.failures += told.failures
    if (told.faults.length > 0) {
      total.faulty++
      say(`seed ${told.seed}: ${told.faults.slice(0, 5).join('; ')}`)
      say(`  again: ${againOf(told.seed)}`)
    }
    const nowMs = performance.now()
    if (nowMs - toldMs < 30_000) return
    toldMs = nowMs
    const perSecond = total.lives / ((nowMs - startedMs) / 1000)
    say(`${total.lives} of ${seeds} lives, ${perSecond.toFixed(1)}/s, ${total.faulty} with faults`)
  }
  const count = Math.min(jobs, seeds)
  const last = from + seeds - 1
  await Promise.all(Array.from({ length: count }, (_, i) => run([from + i, last, count], take)))
  return total
}

function run(args: readonly number[], take: (told: Told) => void): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => take(JSON.parse(line) as Told))
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(`lives ${args.join()} ended with ${code ?? signal}`))
    })
  })
}
