/** The apps that the simulation runs, and what comes into their logs. */
import { churn } from '../../src/apps/churn/app.js'
import type { EventCodec, EventRules } from '../../src/events/event.js'
import type { RowLayout } from '../../src/events/output-rows.js'
import type { CustomerState } from '../../src/features/engine.js'
import { type GeneratedEvent, recordOf } from '../../src/ingest/generator/generated.js'
import { type LogRecord, topicsOf, type Topics } from '../../src/log/log.js'
import { featureProgram, type Program } from '../../src/operators/program.js'
import { countProgram, type CountState, jsonCodec, noRules } from '../support/count-program.js'
import { madeUpEvents } from '../support/kill/input.js'
import type { Random } from '../support/random.js'

const hour = 3_600_000
const day = 24 * hour

export interface SimApp<S> {
  readonly name: string
  readonly program: Program<S>
  readonly codec: EventCodec
  readonly rules: EventRules
  readonly layout: RowLayout
  readonly topics: Topics
  /** A log's worth of records in the order of their timestamps. */
  records(random: Random): LogRecord[]
}

/** Counts by customer: one cell, a step a day for thirty days. */
export function countApp(): SimApp<CountState> {
  const program = countProgram()
  const layout = {
    app: 'test',
    featureSet: 'test/1',
    appHash: '22'.repeat(32),
    columns: program.columns,
    ids: { features: 1, scores: 2 },
  }
  const records = (random: Random): LogRecord[] => {
    const customers = 1 + random.below(12)
    const stepMs = [1000, hour, day][random.below(3)]
    let at = Date.UTC(2024, 0, 1)
    return Array.from({ length: 20 + random.below(150) }, (_, i) => {
      at += random.below(stepMs)
      const customer = `c${random.below(customers)}`
      const id = random.below(12) === 0 ? random.below(i + 1) : i
      const occurredAt = random.below(10) === 0 ? at - random.below(3 * day) : at
      const body = { event_id: `e${id}`, customer_id: customer, occurred_at: occurredAt }
      return spoilt(random, {
        key: Buffer.from(customer),
        value: Buffer.from(JSON.stringify(body)),
        timestamp: at,
        headers: null,
      })
    })
  }
  return {
    name: 'count',
    program,
    codec: jsonCodec,
    rules: noRules,
    layout,
    topics: topicsOf('test'),
    records,
  }
}

/** The built-in app over a slice of the made-up business. */
export function churnApp(): SimApp<CustomerState> {
  const app = churn()
  const { engine, codec, rules } = app
  const layout = {
    app: app.name,
    featureSet: app.featureSet,
    appHash: engine.appHash,
    columns: engine.columns,
    ids: app.outputs,
  }
  const perCustomer = new Map<string, GeneratedEvent[]>()
  for (const event of madeUpEvents(1, 60)) {
    const { customer_id: customer } = event.body
    const events = perCustomer.get(customer)
    if (events === undefined) perCustomer.set(customer, [event])
    else events.push(event)
  }
  const everybody = [...perCustomer.values()]
  const records = (random: Random): LogRecord[] => {
    const some = Array.from({ length: 2 + random.below(6) }, () => random.below(everybody.length))
    const events = [...new Set(some)].flatMap((i) => everybody[i].slice(0, 20 + random.below(40)))
    events.sort((a, b) => a.timestamp - b.timestamp)
    return events.flatMap((event) => {
      const record = recordOf(event, codec)
      if (random.below(40) > 0) return [spoilt(random, record)]
      const { body } = event
      const occurredAt = body.occurred_at - 100 * day
      const late = { ...body, event_id: `${body.event_id}-late`, occurred_at: occurredAt }
      return [record, recordOf({ ...event, body: late }, codec)]
    })
  }
  const program = featureProgram(engine)
  return { name: app.name, program, codec, rules, layout, topics: topicsOf(app.name), records }
}

/** Now and then the record erases its customer, is no event, or has no key. */
function spoilt(random: Random, record: LogRecord): LogRecord {
  switch (random.below(60)) {
    case 0:
      return { ...record, value: null }
    case 1:
      return { ...record, value: Buffer.from('no event') }
    case 2:
      return { ...record, key: null }
    default:
      return record
  }
}
