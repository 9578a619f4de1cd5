/**
 * W2, what a user really gets: W1's stream through the built-in app with its features, rules,
 * deduplication, timers, scoring (200 trees of depth 5), seals, snapshots and the embedded log.
 *
 * Two figures, measured apart: CPU an event while the stream is drained (timers wait meanwhile),
 * then CPU a timer snapshot while one simulated day passes in ticks of one minute and no event
 * comes. CPU is of the whole process, all threads.
 *
 * Usage: tsx bench/w2.ts [events] [ranks]
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedLog } from '../src/log/embedded-log.js'
import { fillChurn, startChurn } from './support/churn-engine.js'
import { profiled } from './support/profile.js'
import { cpuSince, forgetTheRunBefore, PeakMemory, Report, ThreadShares } from './support/report.js'

const events = Number(process.argv[2] ?? 2_000_000)
const ranks = Number(process.argv[3] ?? 100_000)
const minutes = 1440
const start = 1_672_531_200_000
const folder = await mkdtemp(join(tmpdir(), 'tidemark-w2-'))
const memory = new PeakMemory()
const threads = new ThreadShares()
const report = new Report(`W2, ${events} events over ${ranks} ranks`)

// One tick a second of this clock, and each of its seconds is a minute of event time. The virtual
// base begins at the end of the stream.
let wall = 0
const origin = start + events * 5184
const log = await EmbeddedLog.open(join(folder, 'log'), {
  timeBase: { kind: 'virtual', origin, speed: 60 },
  clock: () => wall,
})
await fillChurn(log, events, ranks)

await drain()
forgetTheRunBefore()
const customers = await passDay()
await log.close()
const bytes = await sizeOf(join(folder, 'state'))
report.line(`${Math.round(bytes / customers)} bytes of state a customer on disk (target 400)`)
await rm(folder, { recursive: true })

/** All events; timers wait meanwhile. Nothing of the engine outlives the call. */
async function drain(): Promise<void> {
  const run = await startChurn(folder, log, {
    timersPerCommitMax: 0,
    lagAllowanceMs: 0,
  })
  const { engine, counts } = run
  memory.restart()
  threads.restart()
  const before = process.cpuUsage()
  const started = performance.now()
  await profiled('w2-stream', () => engine.idle())
  const perEvent = cpuSince(before) / events
  const rate = events / ((performance.now() - started) / 1000)
  report.figure(perEvent, 'an event', 25)
  report.line(`${Math.round(rate)} events/s, ${(events / counts.rows).toFixed(2)} an output`)
  report.line(threads.text())
  report.line(`${memory.text()} (target 1536 with 1,000,000 ranks)`)
  await run.close()
}

/** A day without events; the number of customers. */
async function passDay(): Promise<number> {
  memory.restart()
  const run = await startChurn(folder, log, {
    lagAllowanceMs: 0,
    idleWaitMs: 2,
    wallClock: () => wall,
  })
  const { engine, counts } = run
  await engine.idle()
  const { byTime, commits } = counts
  const { customers } = engine.status().partitions[0]
  report.line(`${customers} customers, ${byTime} overdue timers served in ${commits} commits`)
  threads.restart()
  const before = process.cpuUsage()
  await profiled('w2-ticks', async () => {
    for (let minute = 0; minute < minutes; minute++) {
      wall += 1000
      await engine.idle()
    }
  })
  const day = cpuSince(before)
  const fired = counts.byTime - byTime
  report.figure(day / fired, `a timer snapshot, ${Math.round(fired / minutes)} in a tick`, 12)
  report.seconds(day / 1e6, `for a simulated day of decay, ${fired} timers`, 60)
  report.line(threads.text())
  report.line(`${memory.text()} (target 1536 with 1,000,000 ranks)`)
  await run.close()
  return customers
}

async function sizeOf(path: string): Promise<number> {
  let total = 0
  for (const name of await readdir(path, { recursive: true })) {
    const entry = await stat(join(path, name))
    if (entry.isFile()) total += entry.size
  }
  return total
}
