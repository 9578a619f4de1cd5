/**
 * Both ends of W1 at a steady rate, in a process of its own: a plain kafkajs producer, and a reader of
 * committed scores, or an eager one of all. Prints as JSON how long events took to a score that counts
 * them.
 *
 * Usage: w1-traffic.ts BROKERS EVENTS_PER_SECOND WARM_UP_SECONDS SECONDS PARTITIONS EAGER
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { OutputRows } from '../../src/events/output-rows.js'
import { partitionOf } from '../../src/events/partition.js'
import { kafkajs } from '../../test/support/kafka-place.js'
import { openW1Log, topics, w1Layout } from './w1-kafka.js'
import { W1 } from './w1.js'

const [brokers, ...numbers] = process.argv.slice(2)
const [rate, warmUp, seconds, partitions, eager] = numbers.map(Number)
/** How often the producer sends what is due, in ms. */
const sendEveryMs = 10

interface Waiting {
  readonly offset: number
  readonly sentMs: number
}

const log = await openW1Log([brokers])
/** By customer: his events that no score counts yet. */
const waiting = new Map<string, Waiting[]>()
/** Scores may be seen before the producer has heard where its events went. */
const reached = new Map<string, number>()
const latencies: number[] = []
const ending = { isEnding: false }
const begunMs = performance.now()
const rows = new OutputRows(w1Layout)
const readers =
  eager === 1
    ? [followEagerly()]
    : Array.from({ length: partitions }, (_, partition) => follow(partition))
await produce()
const until = performance.now() + 30_000
while (waiting.size > 0 && performance.now() < until) await sleep(50)
ending.isEnding = true
await Promise.all(readers)
await log.close()
latencies.sort((a, b) => a - b)
const at = (share: number) => latencies[Math.floor((latencies.length - 1) * share)]
const [p50, p99, p999] = [at(0.5), at(0.99), at(0.999)]
process.stdout.write(
  JSON.stringify({ p50, p99, p999, events: latencies.length, unscored: waiting.size }),
)

async function produce(): Promise<void> {
  const w1 = new W1()
  const producer = kafkajs([brokers]).producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const total = rate * (warmUp + seconds)
  const startMs = performance.now()
  for (let i = 0; i < total;) {
    const due = Math.min(total, Math.ceil(((performance.now() - startMs) / 1000) * rate))
    const sentMs = performance.now()
    const sent = Array.from({ length: partitions }, () => [] as string[])
    const messages = []
    for (; i < due; i++) {
      const event = w1.event(i)
      const key = Buffer.from(event.customer_id)
      const partition = partitionOf(key, partitions)
      sent[partition].push(event.customer_id)
      messages.push({ key, value: w1.encode(event), partition })
    }
    if (messages.length > 0) {
      const places = await producer.send({ topic: topics.events, messages })
      for (const { partition, baseOffset } of places) {
        for (const [index, customer] of sent[partition].entries()) {
          wait(customer, { offset: Number(baseOffset) + index, sentMs })
        }
      }
    }
    await sleep(Math.max(0, sendEveryMs - (performance.now() - sentMs)))
  }
  await producer.disconnect()
}

function wait(customer: string, event: Waiting): void {
  const list = waiting.get(customer) ?? []
  list.push(event)
  waiting.set(customer, list)
  settle(customer)
}

async function follow(partition: number): Promise<void> {
  const reader = log.reader(topics.scores, partition, 0)
  while (!ending.isEnding) {
    const { records } = await reader.poll(10_000, 100)
    for (const { value } of records) take(value!)
  }
  await reader.close()
}

/** Sees rows as soon as they are on the log, whether or not their transaction has ended. */
async function followEagerly(): Promise<void> {
  const groupId = 'eager'
  const consumer = kafkajs([brokers]).consumer({ groupId, readUncommitted: true })
  await consumer.connect()
  await consumer.subscribe({ topic: topics.scores, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { value } of batch.messages) take(value!)
    },
  })
  while (!ending.isEnding) await sleep(50)
  await consumer.disconnect()
}

function take(score: Buffer): void {
  const { customer, endOffset } = rows.decodeScore(score)
  reached.set(customer, endOffset)
  settle(customer)
}

/** Takes the customer's events out that a score counts. */
function settle(customer: string): void {
  const list = waiting.get(customer)
  const endOffset = reached.get(customer)
  if (list === undefined || endOffset === undefined) return
  const nowMs = performance.now()
  let counted = 0
  for (; counted < list.length && list[counted].offset < endOffset; counted++) {
    const { sentMs } = list[counted]
    if (sentMs - begunMs >= warmUp * 1000) latencies.push(nowMs - sentMs)
  }
  if (counted === list.length) waiting.delete(customer)
  else list.splice(0, counted)
}
