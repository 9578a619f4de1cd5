/**
 * All benchmarks, one after the other, each in a process of its own. See `bench/README.md`.
 *
 * Usage: npm run bench [-- NAME...]
 */
import { spawnSync } from 'node:child_process'
import { cpus, loadavg, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

const benchmarks: Record<string, readonly string[]> = {
  w1: ['w1.ts'],
  w2: ['w2.ts'],
  features: ['features.ts'],
  windows: ['windows.ts'],
  open: ['open-store.ts'],
  shared: ['shared-log.ts'],
  page: ['page.ts'],
  redis: ['redis.ts'],
  kafka: ['kafka.ts'],
  'kafka-latency': ['kafka-latency.ts'],
  million: ['w2.ts', '20000000', '1000000'],
}

/** Those of the `tidemark` binary, see `src/main.ts`. */
const flags = ['--max-semi-space-size=64']
const env = { ...process.env, MALLOC_ARENA_MAX: '2' }

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => benchmarks[name] === undefined)
if (unknown.length > 0) {
  console.error(
    `no benchmark ${unknown.join(', ')}; there are ${Object.keys(benchmarks).join(', ')}`,
  )
  process.exit(64)
}

const [cpu] = cpus()
console.log(`${cpu.model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`)
console.log(`Node ${process.version}, load average ${loadavg()[0].toFixed(2)} at the start`)
let failed = false
for (const [name, [script, ...args]] of Object.entries(benchmarks)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  console.log()
  const path = fileURLToPath(new URL(script, import.meta.url))
  const { status } = spawnSync(process.execPath, [...flags, '--import', 'tsx', path, ...args], {
    stdio: 'inherit',
    env,
  })
  if (status !== 0) {
    failed = true
    console.error(`benchmark ${name} failed`)
  }
}
process.exitCode = failed ? 1 : 0
