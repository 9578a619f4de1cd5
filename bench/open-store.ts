/**
 * What opening a partition costs: the scan of its store that checks every seal, sums the digest and
 * arms a timer for each customer, over the churn app's state after W1's events.
 *
 * Not measured: a cold disk (the files were written just before, so the page cache has them), and
 * the input that a store which is behind has to follow.
 *
 * Usage: tsx bench/open-store.ts [events]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { churn } from '../src/apps/churn/app.js'
import type { CustomerState } from '../src/features/engine.js'
import { featureProgram } from '../src/operators/program.js'
import { LevelStoreHome } from '../src/state/level-store-home.js'
import { Overlay } from '../src/state/overlay.js'
import { encodeStored } from '../src/state/proof.js'
import { openOverlay } from '../src/state/restore.js'
import type { Store } from '../src/state/store.js'
import { Timers } from '../src/state/timers.js'
import { cpuSince, Report } from './support/report.js'
import { churnEvent } from './support/w1-as-churn.js'
import { W1 } from './support/w1.js'

const events = Number(process.argv[2] ?? 2_000_000)
const hot = { hotBytesMax: 2 ** 30 }
const program = featureProgram(churn().engine)
const { types } = churn().codec
const folder = await mkdtemp(join(tmpdir(), 'tidemark-open-'))
const home = new LevelStoreHome(join(folder, 'state'), 'state')
const report = new Report(`Opening a store after ${events} events of W1`)

const filled = await home.open(0)
const clock = await fill(filled)
await filled.close()

const store = await home.open(0)
const timers = new Timers()
const before = process.cpuUsage()
const startedMs = performance.now()
const { overlay } = await openOverlay<CustomerState, number>(
  store,
  program.codec,
  hot,
  (customer, state) => timers.arm(customer, program.nextChange(state, clock)),
)
const cpu = cpuSince(before) / overlay.customers
const elapsedMs = performance.now() - startedMs
report.figure(cpu, 'a customer')
report.line(
  `${Math.round(elapsedMs)} ms for ${overlay.customers} customers, ${timers.size} timers armed`,
)
await store.close()
await rm(folder, { recursive: true })

/** Puts the events into the store by way of the overlay; returns the log clock. */
async function fill(into: Store): Promise<number> {
  const filling = new Overlay(into, program.codec, hot)
  const w1 = new W1()
  let clock = 0
  for (let i = 0; i < events; i++) {
    const { type, body } = churnEvent(w1.event(i))
    clock = Math.max(clock, body.occurred_at + 1)
    if (filling.entry(body.customer_id) === null) await filling.fetch([body.customer_id], 'event')
    const state = filling.change(filling.entry(body.customer_id)!)
    const number = types.indexOf(type)
    if (program.judge(clock, state, number, body) !== 'accepted') continue
    program.update(state, number, body, i, clock)
  }
  filling.beginFlush()
  await filling.finishFlush((digest, customers) => encodeStored(clock, digest, customers))
  return clock
}
