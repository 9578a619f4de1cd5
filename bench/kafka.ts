/**
 * W1 from a broker on the same machine to scores committed there, exactly once: CPU of this process an
 * event, all threads, beside that of a bare kafkajs loop which only consumes and decodes the same
 * topic in the same run. Then the state is restored onto an empty disk.
 *
 * Not measured: the broker's CPU, a network, features and timers (that is W2).
 *
 * Usage: tsx bench/kafka.ts [events] [partitions]    (starts a broker, see test/support/kafka-broker.ts)
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Position } from '../src/operators/position.js'
import { LevelStoreHome } from '../src/state/level-store-home.js'
import { followState } from '../src/topology/restore-state.js'
import { defaultSettings } from '../src/topology/settings.js'
import { KafkaBroker } from '../test/support/kafka-broker.js'
import { kafkajs } from '../test/support/kafka-place.js'
import { profiled } from './support/profile.js'
import { cpuSince, PeakMemory, Report } from './support/report.js'
import { fillW1, w1Schema } from './support/w1.js'
import { createW1Topics, openW1Log, startW1, topics } from './support/w1-kafka.js'
import { w1Score } from './support/w1-program.js'

const events = Number(process.argv[2] ?? 2_000_000)
const partitions = Number(process.argv[3] ?? 4)
const folder = await mkdtemp(join(tmpdir(), 'tidemark-kafka-'))
const report = new Report(`W1, ${events} events, ${partitions} partition(s), Kafka to Kafka`)
const memory = new PeakMemory()
const broker = await KafkaBroker.start()
const brokers = [broker.brokers]
await createW1Topics(brokers, partitions)
const log = await openW1Log(brokers)
await fillW1(log, topics.events, events, 10_000)
const bare = await bareLoop()
const ours = await engineRun()
report.line(`${(ours / bare).toFixed(2)} times the bare loop (target 3.2)`)
await restoreAll()
await log.close()
await broker.stop()
await rm(folder, { recursive: true })

/** µs an event. */
async function bareLoop(): Promise<number> {
  const consumer = kafkajs(brokers).consumer({ groupId: 'bare', maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: topics.events, fromBeginning: true })
  let seen = 0
  let before = process.cpuUsage()
  await new Promise<void>((resolve, reject) => {
    const eachBatch = async ({ batch }: { batch: { messages: { value: Buffer | null }[] } }) => {
      // Joining the group is no part of the loop.
      if (seen === 0) before = process.cpuUsage()
      for (const { value } of batch.messages) w1Schema.decode(value!, 5)
      seen += batch.messages.length
      if (seen >= events) resolve()
    }
    consumer.run({ autoCommit: false, eachBatch }).catch(reject)
  })
  const cpu = cpuSince(before) / events
  await consumer.disconnect()
  report.figure(cpu, 'an event in a bare kafkajs loop')
  return cpu
}

/** µs an event. */
async function engineRun(): Promise<number> {
  const last = new Map<string, number>()
  let [outputs, commits] = [0, 0]
  const before = process.cpuUsage()
  const started = performance.now()
  const engine = startW1(log, folder, (rows) => {
    outputs += rows.length
    commits++
    for (let row = 0; row < rows.length; row++) last.set(rows.customers[row], w1Score(rows, row))
  })
  await profiled('kafka', async () => {
    await engine.idle()
    await engine.stop()
  })
  const cpu = cpuSince(before) / events
  const seconds = (performance.now() - started) / 1000
  let sum = 0
  for (const score of last.values()) sum += score
  report.figure(cpu, 'an event')
  const rate = `${Math.round(events / seconds)} events/s`
  report.line(`${rate}, ${(events / outputs).toFixed(2)} events an output, ${commits} commits`)
  report.line(memory.text())
  report.line(`${last.size} customers, sum of last scores ${sum.toFixed(9)}`)
  return cpu
}

async function restoreAll(): Promise<void> {
  const home = new LevelStoreHome(join(folder, 'restored'), 'state')
  const started = performance.now()
  let offsets = 0
  for (let partition = 0; partition < partitions; partition++) {
    const record = await log.last(topics.changelog, partition)
    const position = JSON.parse(String(record!.value)) as Position
    const parts = { log, topics, settings: defaultSettings, note: () => undefined }
    const store = await home.open(partition)
    const restoring = (progress: { done: number; total: number } | null) => {
      if (progress?.done === progress?.total) offsets += progress?.total ?? 0
    }
    const stop = new AbortController().signal
    await followState(parts, partition, store, position, { restoring, stop })
    await store.close()
  }
  const seconds = (performance.now() - started) / 1000
  report.line(`restored ${offsets} offsets of the state: ${Math.round(offsets / seconds)}/s`)
}
