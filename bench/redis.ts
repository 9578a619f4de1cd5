/**
 * Snapshots of the churn app into a Redis on the same machine: CPU of this process a put, and puts
 * a second. First all customers new, then all again; then read back.
 *
 * Not measured: the engine that makes the rows, a network, a server with a disk or a replica.
 *
 * Usage: tsx bench/redis.ts [customers]    (needs redis-server on PATH, or REDIS_URL of an empty one)
 */
import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { churn } from '../src/apps/churn/app.js'
import { layoutOf } from '../src/cli/layout.js'
import { OutputRows } from '../src/events/output-rows.js'
import { OutputTexts } from '../src/events/output-texts.js'
import { FeatureRows } from '../src/features/rows.js'
import { openRedisSnapshots } from '../src/snapshots/redis-open.js'
import { fieldsOf, rowOf } from '../src/snapshots/redis-row.js'
import type { SnapshotPut } from '../src/snapshots/snapshots.js'
import { cpuSince, Report } from './support/report.js'

const customers = Number(process.argv[2] ?? 200_000)
const commitRows = 2000
const report = new Report(`Snapshots into Redis, ${customers} customers of the churn app`)

const port = 16_379
const own = process.env['REDIS_URL'] === undefined
const server = own
  ? spawn('redis-server', ['--port', String(port), '--save', '', '--bind', '127.0.0.1'], {
      stdio: 'ignore',
    })
  : null
server?.on('error', () => {
  console.error('install redis-server (7 or newer) and have it on PATH, or give REDIS_URL')
  process.exit(69)
})

const rows = new OutputRows(layoutOf(churn()))
const texts = new OutputTexts(layoutOf(churn()))
const bundle = { name: 'churn-demo', version: '1', hash: 'ab'.repeat(32) }
const snapshots = await openRedisSnapshots(
  { url: process.env['REDIS_URL'] ?? `redis://127.0.0.1:${port}` },
  { app: 'churn', generation: 'bench', rows: texts, refill: async () => undefined },
)
const encoded = commits(0)
const bytes = encoded[0].reduce((sum, put) => sum + put.features!.length + put.score!.length, 0)
report.line(`${Math.round(bytes / encoded[0].length)} bytes a row with its score`)
encoding(encoded)
await putAll('new', encoded)
await putAll('known', commits(encoded.length))
await readAll()
await snapshots.close()
server?.kill()

/** What of a put is decoding the row and writing it as fields. */
function encoding(all: readonly SnapshotPut[][]): void {
  const before = process.cpuUsage()
  for (const puts of all) for (const put of puts) fieldsOf(rowOf(put, 0, 1, true), texts)
  report.figure(cpuSince(before) / customers, 'to make the fields of a row')
}

async function putAll(what: string, all: readonly SnapshotPut[][]): Promise<void> {
  const before = process.cpuUsage()
  const started = performance.now()
  let commit = what === 'new' ? 0 : all.length
  for (const puts of all) {
    const offset = commit * commitRows
    const proof = { partition: 0, asOf: commit, endOffset: commit, commit, caughtUp: true }
    await snapshots.put(puts, proof, { commit, featuresOffset: offset, scoresOffset: offset })
    commit++
    // As an engine does between commits.
    await delay(0)
  }
  await snapshots.flush()
  const seconds = (performance.now() - started) / 1000
  report.figure(cpuSince(before) / customers, `to put a ${what} customer`)
  report.line(`${Math.round(customers / seconds)} puts a second`)
}

async function readAll(): Promise<void> {
  const before = process.cpuUsage()
  const started = performance.now()
  let found = 0
  for (const puts of encoded) {
    const read = await snapshots.getMany(puts.map(({ customer }) => customer))
    for (const snapshot of read) if (snapshot !== null) found++
  }
  if (found !== customers) throw new Error(`${found} of ${customers} customers are there`)
  report.figure(cpuSince(before) / customers, 'to read a customer')
  report.line(`${Math.round(customers / ((performance.now() - started) / 1000))} reads a second`)
}

function commits(from: number): SnapshotPut[][] {
  const { columns } = layoutOf(churn())
  const all: SnapshotPut[][] = []
  for (let first = 0; first < customers; first += commitRows) {
    const batch = new FeatureRows(columns)
    const ids = Array.from(
      { length: Math.min(commitRows, customers - first) },
      (_, index) => `customer-${String(first + index).padStart(8, '0')}`,
    )
    for (const id of ids) fill(batch, batch.add(id, 'event'))
    const commit = from + all.length
    rows.begin(
      { topic: 'churn.events', partition: 0, endOffset: first, asOf: 1.7e12, commit },
      bundle,
    )
    all.push(ids.map((customer, row) => put(batch, customer, row)))
  }
  return all
}

function fill(batch: FeatureRows, row: number): void {
  for (let number = 0; number < batch.numericCount; number++) {
    const isWhole = number % 3 !== 0
    batch.numbers[row * batch.numericCount + number] = isWhole ? (row * 7 + number) % 90 : row / 7
  }
  for (let text = 0; text < batch.stringCount; text++) {
    batch.strings[row * batch.stringCount + text] = ['premium', 'Berlin', 'card'][text % 3]
  }
  batch.validUntil[row] = 1.7e12 + row
  batch.retired[row] = false
  batch.eligible[row] = true
}

function put(batch: FeatureRows, customer: string, row: number): SnapshotPut {
  const probability = Math.fround(((row * 31) % 1000) / 1000)
  const score = {
    probability,
    risk: 'low' as const,
    decision: false,
    servedBy: bundle,
    degraded: null,
  }
  return { customer, features: rows.features(batch, row), score: rows.score(batch, row, score) }
}
