/**
 * `tidemark start`: everything in one process. This file runs what the composition hands over:
 * the engine beside its server, lines for the person who watches, and an orderly end.
 */
import type { Command } from 'commander'
import { TidemarkError } from '../errors.js'
import { ScoreBoard } from '../monitoring/score-board.js'
import { createMetrics } from '../monitoring/metrics.js'
import type { ObservedServers } from '../monitoring/server-metrics.js'
import { countedRecords } from '../operators/position.js'
import type { HistoryLookup } from '../serving/history.js'
import { buildServer, listen } from '../serving/http.js'
import { type NotReady, notReadyReasons } from '../serving/readiness.js'
import type { StatusSource } from '../topology/status.js'
import type { CliIo } from './io.js'
import { createLogger, type Logger } from './logger.js'
import { Progress } from './progress.js'
import { addStartFlags, startOptions, type StartOptions } from './start-options.js'
import { stackOf } from './source-places.js'
import { createStatusLine } from './status-line.js'
import { stoppable } from './stop.js'
import { withEnd } from './with-end.js'

/** What the engine is given to report into. */
export interface StartHooks {
  readonly board: ScoreBoard
  /** One commit is durable; `seconds` of wall time since it was closed. */
  readonly onCommit: (partition: number, seconds: number) => void
  readonly logger: Logger
  readonly progress: (step: string, unit: string) => Progress
}

/** An engine with its parts open: the server must answer while it restores, so nobody waits here. */
export interface Composed extends HistoryLookup {
  readonly engine: StatusSource
  /** Of the input. */
  readonly topic: string
  /** Why lookups can't be relied upon, beyond what the engine's status says. */
  notReady(): readonly NotReady[]
  /** Servers beside the log that are observed with it. */
  readonly servers?: ObservedServers
  /**
   * Restores and runs. Resolves after a graceful stop once `stop` is aborted, or by itself when all
   * input is committed and the options ask to exit then; rejects where the engine failed.
   */
  run(stop: AbortSignal): Promise<void>
  /** Closes whatever was opened; also after a run that failed. */
  close(): Promise<void>
}

/** Builds the real parts from the options; fails before anything is left open. */
export type Compose<O = StartOptions> = (
  options: O,
  hooks: StartHooks,
  stop: AbortSignal,
) => Promise<Composed>

/** What is asked of every command that serves while it runs. */
export interface ServedOptions extends Pick<
  StartOptions,
  'dataDirectory' | 'port' | 'json' | 'logFormat'
> {
  /** Without it this machine only is served. */
  readonly host?: string
}

/** Registers the command around a composition. */
export function startCommand(compose: Compose): (program: Command, io: CliIo) => void {
  return (program, io) => {
    addStartFlags(program.command('start'))
      .description('run everything in this one process: log, engine, scores and the page')
      .action(async (flags: Parameters<typeof startOptions>[0]) => {
        const options = startOptions(flags, io.cwd)
        await stoppable(io, (stop) => runServed(options, io, compose, stop))
      })
  }
}

/** Runs until the stop, the end of the input, or a failure (which it throws). */
export async function runServed<O extends ServedOptions>(
  options: O,
  io: CliIo,
  compose: Compose<O>,
  stop: AbortSignal,
): Promise<void> {
  const logger = createLogger(io, options.logFormat)
  const board = new ScoreBoard()
  // The metrics need the engine, which needs its hooks: the first commits may go unmeasured.
  let observeCommit: StartHooks['onCommit'] = () => {}
  const hooks: StartHooks = {
    board,
    onCommit: (partition, seconds) => observeCommit(partition, seconds),
    logger,
    progress: (step, unit) => new Progress(io, step, unit),
  }
  const composed = await compose(options, hooks, stop).catch((error: unknown) => {
    // Told to stop while it waited for a server, and nothing has begun: that is an orderly end.
    if (stop.aborted && error instanceof TidemarkError && error.retry !== 'never') return null
    throw error
  })
  if (composed === null) return
  const work = async (): Promise<void> => {
    const metrics = createMetrics(composed.engine, board, composed.servers)
    observeCommit = (partition, seconds) => metrics.observeCommit(partition, seconds)
    const server = await buildServer({
      ...composed,
      notReady: () => [...notReadyReasons(composed.engine.status()), ...composed.notReady()],
      ownNamesOnly: options.host === undefined,
      live: { engine: composed.engine, board, topic: composed.topic },
      metrics,
      onError: (error, requestId) => {
        logger.error('a request failed', { requestId, error: stackOf(error) })
      },
    })
    try {
      const url = await listen(server, options.port, options.host)
      tellServing(options, io, composed.engine, url)
      const line = createStatusLine(io, composed.engine)
      try {
        await composed.run(stop)
      } finally {
        line.stop()
      }
    } finally {
      await server.close()
    }
    tellStopped(options, io, composed.engine, board)
  }
  await withEnd(work, () => composed.close())
}

function tellServing(options: ServedOptions, io: CliIo, engine: StatusSource, url: string): void {
  const { featureSet, synthetic, model } = engine.status()
  if (options.json) {
    const port = Number(new URL(url).port)
    const facts = {
      event: 'serving',
      url,
      port,
      data: options.dataDirectory,
      featureSet,
      synthetic,
    }
    io.out(`${JSON.stringify(facts)}\n`)
    return
  }
  const invented = synthetic ? ' (synthetic)' : ''
  io.out(`Tidemark ${featureSet}${invented}, scored by ${model.name} ${model.version}\n`)
  io.out(`Data   ${options.dataDirectory}\nPage   ${url}\n`)
}

function tellStopped(
  options: ServedOptions,
  io: CliIo,
  engine: StatusSource,
  board: ScoreBoard,
): void {
  // Offsets are no records: Kafka has marks between them, and what was aborted.
  const records = engine.status().partitions.reduce((sum, task) => sum + countedRecords(task), 0)
  const scores = board.counts().reduce((sum, { count }) => sum + count, 0)
  if (options.json) io.out(`${JSON.stringify({ event: 'stopped', records, scores })}\n`)
  else io.out(`Stopped: ${records} records and ${scores} scores are committed.\n`)
}
