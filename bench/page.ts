/**
 * What is kept for those who look costs: histories, top lists and the board of the page, as a share of
 * W2's CPU an event, with and without them in turn; then open pages, while scores pass the board.
 *
 * CPU is of the whole process, all threads; the pages are read by another process. Not measured: a
 * network, and what browsers do.
 *
 * Usage: tsx bench/page.ts [events] [pages]
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { churn } from '../src/apps/churn/app.js'
import { layoutOf } from '../src/cli/layout.js'
import { OutputChanges } from '../src/events/output-changes.js'
import { OutputRows } from '../src/events/output-rows.js'
import { EmbeddedLog } from '../src/log/embedded-log.js'
import { createMetrics } from '../src/monitoring/metrics.js'
import { ScoreBoard } from '../src/monitoring/score-board.js'
import { buildServer, listen } from '../src/serving/http.js'
import { ownLookups } from '../src/serving/lookups.js'
import { type ChurnRun, fillChurn, startChurn, topics } from './support/churn-engine.js'
import { cpuSince, forgetTheRunBefore, Report } from './support/report.js'

const rounds = 3
const ranks = 100_000
/** Of the target: a second. */
const eventsASecond = 20_000
const seconds = 20
const script = fileURLToPath(import.meta.url)

if (process.argv[2] === '--pages') openPages(process.argv[3], Number(process.argv[4]))
else await measure(Number(process.argv[2] ?? 400_000), Number(process.argv[3] ?? 50))

async function measure(events: number, pages: number): Promise<void> {
  const report = new Report(`W2 beside those who look, ${events} events over ${ranks} ranks`)
  const bare: number[] = []
  const watched: number[] = []
  let shown = 0
  for (let round = 1; round <= rounds; round++) {
    bare.push(await drain(events, null))
    report.figure(bare.at(-1)!, 'an event, nobody looks')
    const board = new ScoreBoard()
    const isLast = round === rounds
    const look = async (run: ChurnRun) => void (shown = await costOfPages(run, board, pages))
    watched.push(await drain(events, board, isLast ? look : undefined))
    report.figure(watched.at(-1)!, 'an event with histories, top lists and the board')
  }
  const event = median(bare)
  const kept = (median(watched) - event) / event
  const open = shown / (event * eventsASecond)
  report.line(`${percent(kept)} more an event for what is kept, the median of ${rounds} rounds`)
  report.line(`${(shown / 1000).toFixed(1)} ms of CPU a second for ${pages} open pages`)
  const load = `at ${eventsASecond} events/s`
  report.line(
    `${percent(open)} more ${load} for these, ${percent(kept + open)} in all (target 5 %)`,
  )
}

/** µs of CPU an event; null: nothing is kept for anybody. */
async function drain(
  events: number,
  board: ScoreBoard | null,
  look: (run: ChurnRun) => Promise<void> = async () => undefined,
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-page-'))
  const log = await EmbeddedLog.open(join(folder, 'log'), { timeBase: { kind: 'none' } })
  await fillChurn(log, events, ranks)
  forgetTheRunBefore()
  const settings = { timersPerCommitMax: 0, lagAllowanceMs: 0 }
  const run = await startChurn(
    folder,
    log,
    settings,
    board === null ? {} : { history: true, board },
  )
  const before = process.cpuUsage()
  await run.engine.idle()
  // What waits for the disk is a part of the cost.
  await run.snapshots.flush()
  const each = cpuSince(before) / events
  await look(run)
  await run.close()
  await log.close()
  await rm(folder, { recursive: true })
  return each
}

/** µs of CPU a second, beyond those of the scores that pass meanwhile. */
async function costOfPages(run: ChurnRun, board: ScoreBoard, pages: number): Promise<number> {
  const { engine, snapshots } = run
  const layout = layoutOf(churn())
  const server = await buildServer({
    engine,
    lookups: ownLookups({ engine, snapshots, partitions: 1 }),
    rows: new OutputRows(layout),
    changes: new OutputChanges(layout),
    lagAllowanceMs: 0,
    notReady: () => [],
    ownNamesOnly: true,
    live: { engine, board, topic: topics.events },
    metrics: createMetrics(engine, board),
    onError: console.error,
  })
  const url = await listen(server, 0)
  // The first pass compiles what the others run.
  await passScores(board)
  const before = await passScores(board)
  const args = [...process.execArgv, script, '--pages', `${url}/v1/stream`, String(pages)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const withPages = await passScores(board)
  child.kill()
  await new Promise((resolve) => child.once('close', resolve))
  const after = await passScores(board)
  await server.close()
  return (withPages - (before + after) / 2) / seconds
}

/** Scores of as many customers as there are events, in commits of 10 ms; µs of CPU. */
async function passScores(board: ScoreBoard): Promise<number> {
  const place = { cause: 'event', partition: 0, endOffset: 1, commit: 1 } as const
  const before = process.cpuUsage()
  const started = performance.now()
  let passed = 0
  for (let asOf = Date.now(); performance.now() - started < seconds * 1000; asOf += 10) {
    const due = Math.floor(((performance.now() - started) / 1000) * eventsASecond)
    const rows = Array.from({ length: due - passed }, (_, index) => {
      const number = passed + index
      const probability = ((number * 7919) % 1000) / 1000
      const risk = probability > 0.7 ? 'high' : probability > 0.4 ? 'medium' : 'low'
      return { ...place, customer: `c${number % ranks}`, asOf, probability, risk } as const
    })
    passed = due
    board.observe(rows)
    board.sample(asOf)
    await sleep(10)
  }
  return cpuSince(before)
}

/** Reads as many streams, and says when all of them have begun. */
function openPages(url: string, pages: number): void {
  let begun = 0
  for (let page = 0; page < pages; page++) {
    get(url, { agent: false }, (answer) => {
      answer.once('data', () => {
        if (++begun === pages) process.stdout.write('all are open\n')
      })
      answer.resume()
    })
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
