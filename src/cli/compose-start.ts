/**
 * The composition root of `tidemark start`: the only place that builds the real parts of the
 * embedded engine and lets a source run beside them.
 */
import { randomUUID } from 'node:crypto'
import { OutputChanges } from '../events/output-changes.js'
import { OutputRows } from '../events/output-rows.js'
import type { App } from '../features/app.js'
import { generatorRun } from '../ingest/generate.js'
import { topicsOf } from '../log/log.js'
import { fillBoard } from '../monitoring/fill-board.js'
import { observeCommit } from '../monitoring/observe-commit.js'
import { featureProgram } from '../operators/program.js'
import { ownLookups } from '../serving/lookups.js'
import { startEngine, type RunningEngine } from '../topology/engine.js'
import { committedPosition } from '../topology/open-task.js'
import type { TopologyParts } from '../topology/parts.js'
import { defaultSettings } from '../topology/settings.js'
import type { CustomerState } from '../features/engine.js'
import { dataOwner } from './data-directory.js'
import { layoutOf } from './layout.js'
import { openData, type OpenData } from './open-data.js'
import { openModels } from './open-models.js'
import {
  checkSource,
  effectiveSource,
  openSource,
  type RunningSource,
  timeBaseOf,
} from './start-source.js'
import type { Compose, Composed, StartHooks } from './start.js'
import type { StartOptions } from './start-options.js'
import { closeAll, withEnd } from './with-end.js'

export const composeStart: Compose = async (options, hooks) => {
  const isNew = (await dataOwner(options.dataDirectory)) === null
  const source = effectiveSource(options, isNew)
  await checkSource(source)
  const data = await openData(options.dataDirectory, {
    app: options.app,
    cwd: process.cwd(),
    timeBase: () => timeBaseOf(source),
    share: (warning) => hooks.logger.warn(warning),
  })
  const closing: (() => Promise<void>)[] = [() => data.close()]
  try {
    const { app, bundles } = data.loaded
    const models = await openModels(
      app,
      {
        model: options.modelDirectory,
        fallback: options.fallbackDirectory,
        bundles,
        kept: data.models,
      },
      modelNotes(hooks),
    )
    closing.push(() => models.close())
    const { scoring } = models
    const running = await openSource(source, options.seed, app, data.log, hooks)
    await resumeClock(data, app)
    const run = await generatorRun(data.log, app.name)
    const generated = source.kind === 'generate' || run !== null
    const synthetic = app.synthetic || generated
    // Only the generator promises that nothing before now is still to come.
    const lagAllowanceMs = generated ? 0 : defaultSettings.lagAllowanceMs
    const layout = layoutOf(app)
    const topics = topicsOf(app.name)
    const snapshots = await data.snapshots({
      onDamage: (text) => hooks.logger.error(text),
      changes: new OutputChanges(layout),
      committed: async (partition) =>
        (await committedPosition({ log: data.log, topics, layout }, partition))?.commit ?? 0,
    })
    const parts: TopologyParts<CustomerState> = {
      program: featureProgram(app.engine),
      codec: app.codec,
      rules: app.rules,
      layout,
      log: data.log,
      topics,
      home: data.home,
      snapshots,
      scoring,
      settings: { ...defaultSettings, lagAllowanceMs },
      incarnation: randomUUID(),
      lowWatermark: () => running.lowWatermark(),
      committed: (commit, partition, durationMs) => {
        observeCommit(hooks.board, commit, partition)
        hooks.onCommit(partition, durationMs / 1000)
      },
      note: (text) => hooks.logger.warn(text),
    }
    // Before the engine, whose erasures would else be undone by an older row.
    await fillBoard(hooks.board, snapshots, new OutputRows(layout))
    const engine = startEngine(parts, { app: app.name, synthetic })
    return composed(engine, running, parts, options, closing)
  } catch (error) {
    // Whatever closing meets beside it, this is what is told.
    await closeAll(closing).catch(() => undefined)
    throw error
  }
}

function composed(
  engine: RunningEngine,
  source: RunningSource,
  parts: TopologyParts<CustomerState>,
  options: StartOptions,
  closing: (() => Promise<void>)[],
): Composed {
  return {
    engine,
    topic: parts.topics.events,
    notReady: () => [],
    lookups: ownLookups({
      engine,
      snapshots: parts.snapshots,
      partitions: parts.log.partitions(parts.topics.events),
    }),
    rows: new OutputRows(parts.layout),
    changes: new OutputChanges(parts.layout),
    lagAllowanceMs: parts.settings.lagAllowanceMs,
    run: (stop) => runBoth(engine, source, options.exitWhenDone, stop),
    close: async () => {
      await engine.stop().catch(() => undefined)
      await closeAll(closing)
    },
  }
}

/** Runs until the stop, until all is done where that is asked, or until one of the two fails. */
async function runBoth(
  engine: RunningEngine,
  source: RunningSource,
  exitWhenDone: boolean,
  stop: AbortSignal,
): Promise<void> {
  const ending = new AbortController()
  const end = (): void => ending.abort()
  stop.addEventListener('abort', end)
  const stopped = new Promise<void>((resolve) => {
    ending.signal.addEventListener('abort', () => resolve())
  })
  const sourced = source.run(ending.signal)
  const finished = sourced.then(() => (exitWhenDone ? engine.idle() : stopped))
  if (stop.aborted) end()
  await withEnd(
    () => Promise.race([stopped, finished, engine.done]),
    async () => {
      end()
      stop.removeEventListener('abort', end)
      // The source first: what it has put into the log is then in the engine's last commit or after.
      await withEnd(
        () => sourced,
        () => engine.stop(),
      )
    },
  )
}

/** A virtual clock goes on from the largest committed asOf, or from what is in the log already. */
async function resumeClock(data: OpenData, app: App): Promise<void> {
  const { log } = data
  const topics = topicsOf(app.name)
  let instant = (await generatorRun(log, app.name))?.throughMs ?? 0
  for (let partition = 0; partition < log.partitions(topics.events); partition++) {
    const position = await committedPosition({ log, topics, layout: layoutOf(app) }, partition)
    if (position !== null) instant = Math.max(instant, position.asOf)
  }
  log.resumeAt(instant)
}

/** Tells of a model that fails, but not of each row. */
export function modelNotes(hooks: StartHooks) {
  let told = 0
  return {
    scored: () => undefined,
    degraded: (bundle: { name: string }, reason: string, rows: number, cause: unknown) => {
      // One bad model fails every row: the counts are in the metrics, the log gets the first few.
      if (told++ < 3) hooks.logger.error(`model ${bundle.name} failed`, { reason, rows, cause })
    },
  }
}
