/**
 * How long W1's events take, at a steady rate over a broker on the same machine, from the producer's
 * send to a score that counts them: a committed one where the engine runs exactly once, and any that a
 * reader of uncommitted records sees where it runs at least once; beside the least that answers the
 * same traffic, a plain kafkajs consumer and producer (`answerW1`). Producer and reader are one process,
 * what answers is this one.
 *
 * Not measured: a network, and what the broker and the other process would cost elsewhere; all share
 * the machine's cores.
 *
 * Usage: tsx bench/kafka-latency.ts [events per second] [seconds] [partitions]
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { KafkaBroker } from '../test/support/kafka-broker.js'
import { cpuSince, Report } from './support/report.js'
import { answerW1 } from './support/w1-answering.js'
import { createW1Topics, openW1Log, startW1 } from './support/w1-kafka.js'

const rate = Number(process.argv[2] ?? 5_000)
const seconds = Number(process.argv[3] ?? 30)
const partitions = Number(process.argv[4] ?? 4)
const warmUp = 20

interface Latencies {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly events: number
  readonly unscored: number
}

const targets = { exactlyOnce: 200, atLeastOnce: 50 }
const p99s: number[] = []

for (const delivery of ['exactlyOnce', 'atLeastOnce', 'bare'] as const) {
  const by = delivery === 'bare' ? 'a bare kafkajs loop without state' : delivery
  const report = new Report(
    `W1 at ${rate} events/s, ${partitions} partition(s), event to score, ${by}`,
  )
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-latency-'))
  const broker = await KafkaBroker.start()
  await createW1Topics([broker.brokers], partitions)
  const log = await openW1Log([broker.brokers])
  const before = process.cpuUsage()
  const answering =
    delivery === 'bare'
      ? await answerW1([broker.brokers])
      : startW1(log, folder, () => undefined, delivery)
  const { p50, p99, p999, events, unscored } = await traffic(
    broker.brokers,
    delivery !== 'exactlyOnce',
  )
  const cpu = cpuSince(before) / (rate * (warmUp + seconds))
  await answering.stop()
  await log.close()
  await broker.stop()
  await rm(folder, { recursive: true })
  report.figure(cpu, 'an event')
  const figures = [p50, p99, p999].map((ms) => `${Math.round(ms)}`).join(' / ')
  const target = delivery === 'bare' ? 'the control' : `target of p99: ${targets[delivery]}`
  report.line(`p50 / p99 / p99.9 of ${events} events: ${figures} ms (${target})`)
  report.line(`${unscored} customers had events without a score at the end`)
  p99s.push(p99)
}
const [exactlyOnce, atLeastOnce] = p99s.map((p99) => (p99 / p99s[2]).toFixed(2))
console.log(
  `p99 ${exactlyOnce} (exactly once) and ${atLeastOnce} (at least once) times the bare loop's`,
)

/** @param isEager the reader takes scores whose transaction has not ended */
async function traffic(brokers: string, isEager: boolean): Promise<Latencies> {
  const script = fileURLToPath(new URL('support/w1-traffic.ts', import.meta.url))
  const args = [brokers, rate, warmUp, seconds, partitions, isEager ? 1 : 0].map(String)
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(await text(child.stdout)) as Latencies
}
