/**
 * A tumbling count in memory: events/s of one core. Usage: tsx bench/windows.ts [events]
 *
 * Twice: the keyed aggregate alone, from decoded events to the rows of commits, as the script beside
 * it does with Bytewax (`peers/bytewax_windows.py`); and the whole engine, from a log in memory with
 * events as JSON to committed rows.
 */
import { Subject } from 'rxjs'
import { topicsOf } from '../src/log/log.js'
import { MemoryLog } from '../src/log/memory-log.js'
import type { StoredRecord } from '../src/log/log.js'
import { jsonEvents, topology, tumbling } from '../src/index.js'
import { type Batch, Item } from '../src/operators/batch.js'
import { gather } from '../src/operators/gather.js'
import { Progress } from '../src/operators/progress.js'
import { updateState } from '../src/operators/update-state.js'
import type { KeyState } from '../src/operators/windows/key-state.js'
import { noBundle } from '../src/scoring/no-model.js'
import { MemoryStoreHome } from '../src/state/memory-store.js'
import { Overlay } from '../src/state/overlay.js'
import { Timers } from '../src/state/timers.js'
import { startEngine } from '../src/topology/engine.js'
import { topologyParts } from '../src/topology/topology-parts.js'

const events = Number(process.argv[2] ?? 1_000_000)
const keys = 1_000
/** An event a ms: a window of a minute has 60 events of a key. */
const counts = topology({
  name: 'counts',
  events: jsonEvents({ hit: {} }),
  operators: (hits$) => hits$,
  aggregate: { window: tumbling('1m'), values: (fold) => ({ count: fold.count() }) },
})

const record = (i: number, value: Buffer | null): StoredRecord => ({
  key: Buffer.from(`k${(i * 7919) % keys}`),
  value,
  timestamp: i,
  headers: null,
  offset: i,
})

async function aggregateAlone(): Promise<number> {
  const { program, flow } = counts
  const records = Array.from({ length: events }, (_, i) => record(i, null))
  const names = records.map(({ key }) => String(key))
  const store = await new MemoryStoreHome().open(0)
  const overlay = new Overlay(store, program.codec, { hotBytesMax: 1e9 })
  await overlay.fetch(names.slice(0, keys), 'event')
  const state = { program, overlay, timers: new Timers(), progress: new Progress(null, 0) }
  const place = { partition: 0, partitions: 1 }
  const rules = { check: () => null }
  const batches$ = new Subject<Batch<KeyState>>()
  let rows = 0
  const bounds = { recordsMax: () => 10_000, bytesMax: 1e9, ageMsMax: 1e9, timersMax: 2000 }
  batches$
    .pipe(
      updateState(state, { program, flow, rules, timersMax: 2000, ...place }),
      gather(state, {
        ...bounds,
        ...place,
        incarnation: 'bench',
        appHash: '',
        logId: '',
        rowBytes: () => 0,
        model: () => noBundle,
        runtime: () => null,
        border: () => null,
        busy: () => false,
        wallClock: () => 0,
        closed: () => undefined,
      }),
    )
    .subscribe((commit) => (rows += commit.rows.length))
  const started = performance.now()
  for (let from = 0; from < events; from += 1024) {
    const portion = records.slice(from, from + 1024)
    const items = portion.map((record, i) => {
      const item = new Item<KeyState>(record)
      item.customer = names[from + i]
      item.type = 0
      item.body = { event_id: '', customer_id: item.customer, occurred_at: from + i }
      return item
    })
    const endOffset = from + portion.length
    const at = { bytes: 0, endOffset, tick: null, atEnd: endOffset === events }
    batches$.next({ records: portion, items, ...at })
  }
  const seconds = (performance.now() - started) / 1000
  console.log(`  keyed aggregate alone: ${perSecond(seconds)}, ${rows} rows`)
  return rows
}

async function wholeEngine(): Promise<void> {
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  const topic = topicsOf(counts.name).events
  for (let from = 0; from < events; from += 10_000) {
    const transaction = log.begin('fill')
    for (let i = from; i < Math.min(events, from + 10_000); i++) {
      const key = `k${(i * 7919) % keys}`
      const value = JSON.stringify({ type: 'hit', event_id: '', customer_id: key, occurred_at: i })
      transaction.append(topic, 0, record(i, Buffer.from(value)))
    }
    await transaction.commit()
  }
  let rows = 0
  const run = { log, home: new MemoryStoreHome(), incarnation: 'bench' }
  const committed = (commit: { rows: { length: number } }) => (rows += commit.rows.length)
  const started = performance.now()
  const parts = topologyParts(counts, { ...run, committed })
  const engine = startEngine(parts, { app: counts.name, synthetic: true })
  await engine.idle()
  const seconds = (performance.now() - started) / 1000
  console.log(`  whole engine, JSON in a log in memory: ${perSecond(seconds)}, ${rows} rows`)
  await engine.stop()
}

const perSecond = (seconds: number): string => `${Math.round(events / seconds)} events/s`

console.log(`Tumbling count of a minute, ${events} events, ${keys} keys`)
await aggregateAlone()
await wholeEngine()
