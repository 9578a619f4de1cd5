/**
 * The feature functions of the churn app over W1's events: CPU to judge, update and read an event,
 * to serve a timer, to encode and decode a customer, and what his state weighs.
 *
 * Not measured: decoding events, finding customers, the log, the store, scoring. All customers are
 * hot. Every event is followed by a read, where a commit would read a customer once.
 *
 * Usage: tsx bench/features.ts [events]
 */
import { AvroCodec } from '../src/events/avro-codec.js'
import type { Decoded } from '../src/events/event.js'
import { eligible } from '../src/apps/churn/labels.js'
import { featureSet } from '../src/apps/churn/features.js'
import { customerEvents, schemaIds } from '../src/apps/churn/schemas.gen.js'
import { compile } from '../src/features/compile.js'
import type { CustomerState } from '../src/features/engine.js'
import { FeatureRows } from '../src/features/rows.js'
import { cpuSince, PeakMemory, Report } from './support/report.js'
import { churnEvent } from './support/w1-as-churn.js'
import { W1 } from './support/w1.js'

const events = Number(process.argv[2] ?? 2_000_000)
const chunk = 10_000
const dayMs = 86_400_000
const minuteMs = 60_000

const memory = new PeakMemory()
const report = new Report(`Feature functions of the churn app, ${events} events of W1`)
const codec = new AvroCodec(customerEvents, schemaIds)
const engine = compile({
  features: featureSet.spec,
  schemas: customerEvents,
  eligible,
  rules: [],
})
const rows = new FeatureRows(engine.columns)
rows.add('', 'event')

const microseconds = { judge: 0, update: 0, read: 0 }
const customers = new Map<string, CustomerState>()
const verdicts = { accepted: 0, duplicate: 0, late: 0 }
const clock = feed()

const each = (total: number): number => total / events
report.line(`${customers.size} customers`)
report.figure(each(microseconds.judge), 'to judge an event')
report.figure(each(microseconds.update), 'to update')
report.figure(each(microseconds.read), 'to read')
const all = microseconds.judge + microseconds.update + microseconds.read
report.figure(each(all), 'together', 3)
timers()
cells()
report.line(`${JSON.stringify(verdicts)}, ${memory.text()}`)

function feed(): number {
  const w1 = new W1()
  let clock = 0
  const states: CustomerState[] = []
  const clocks: number[] = []
  const accepted: boolean[] = []
  for (let from = 0; from < events; from += chunk) {
    const size = Math.min(chunk, events - from)
    // Decoded bytes, so that strings and objects are as they come from the log.
    const decoded = Array.from({ length: size }, (_, i) => {
      const { type, body } = churnEvent(w1.event(from + i))
      return codec.decode(codec.encode(type, body)) as Decoded
    })
    for (let i = 0; i < size; i++) {
      const { body } = decoded[i]
      clock = Math.max(clock, body.occurred_at + 1)
      clocks[i] = clock
      states[i] = stateOf(body.customer_id)
    }
    microseconds.judge += cpu(() => {
      for (let i = 0; i < size; i++) {
        const { type, body } = decoded[i]
        const verdict = engine.judge(clocks[i], states[i].judged, type, body)
        verdicts[verdict]++
        accepted[i] = verdict === 'accepted'
      }
    })
    microseconds.update += cpu(() => {
      for (let i = 0; i < size; i++) {
        const { type, body } = decoded[i]
        if (!accepted[i]) continue
        engine.update(states[i].aggregates, type, body, from + i, clocks[i])
      }
    })
    microseconds.read += cpu(() => {
      for (let i = 0; i < size; i++) engine.read(states[i].aggregates, clock, rows, 0)
    })
  }
  return clock
}

/**
 * One day without events, in one-minute ticks: every customer is read when his row may change. The
 * customers of a tick are all over memory; the second figure is for the same ones again and again.
 */
function timers(): void {
  const ticks = dayMs / minuteMs
  const due: CustomerState[][] = Array.from({ length: ticks + 1 }, () => [])
  const arm = (state: CustomerState, at: number): void => {
    const tick = Math.ceil((at - clock) / minuteMs)
    if (tick <= ticks) due[tick].push(state)
  }
  for (const state of customers.values()) arm(state, engine.nextChange(state.aggregates, clock))
  let fired = 0
  const spent = cpu(() => {
    for (let tick = 1; tick <= ticks; tick++) {
      const asOf = clock + tick * minuteMs
      for (const state of due[tick]) {
        engine.read(state.aggregates, asOf, rows, 0)
        arm(state, engine.nextChange(state.aggregates, asOf))
        fired++
      }
    }
  })
  report.figure(spent / fired, `a timer's read and nextChange, ${fired} fired in a day`, 0.5)
  const few = [...customers.values()].slice(0, 500)
  const again = cpu(() => {
    for (let hour = 1; hour <= 24 * 20; hour++) {
      const asOf = clock + dayMs + (hour * dayMs) / 24
      for (const state of few) {
        engine.read(state.aggregates, asOf, rows, 0)
        engine.nextChange(state.aggregates, asOf)
      }
    }
  })
  report.figure(again / (few.length * 24 * 20), 'the same of 500 customers, hour by hour')
}

/** In portions, as a flush encodes and a load decodes. */
function cells(): void {
  const states = [...customers.values()]
  const sizes: number[] = []
  const portion = 1_000
  let encoding = 0
  let decoding = 0
  let count = 0
  for (let from = 0; from < states.length; from += portion) {
    const part = states.slice(from, from + portion)
    const stored = part.map(() => new Map<number, Uint8Array>())
    encoding += cpu(() => {
      for (let i = 0; i < part.length; i++) {
        const into = stored[i]
        engine.codec.encode(part[i], (cell, value) => {
          if (value !== null) into.set(cell, Uint8Array.from(value))
        })
      }
    })
    decoding += cpu(() => {
      for (let i = 0; i < stored.length; i++) engine.codec.decode(stored[i])
    })
    for (const one of stored) {
      sizes.push([...one.values()].reduce((sum, { length }) => sum + length, 0))
      count += one.size
    }
  }
  sizes.sort((a, b) => a - b)
  const at = (part: number): number => sizes[Math.floor(part * (sizes.length - 1))]
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length
  report.figure(encoding / states.length, 'to encode all cells of a customer', 3)
  report.figure(decoding / states.length, 'to decode them', 3)
  report.line(
    `state ${mean.toFixed(0)} bytes a customer, p50 ${at(0.5)}, p99 ${at(0.99)}, most ${at(1)}; ` +
      `cells ${(count / states.length).toFixed(2)}`,
  )
}

function stateOf(customer: string): CustomerState {
  const known = customers.get(customer)
  if (known !== undefined) return known
  const made = engine.codec.create()
  customers.set(customer, made)
  return made
}

function cpu(work: () => void): number {
  const before = process.cpuUsage()
  work()
  return cpuSince(before)
}
