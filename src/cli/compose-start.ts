/**
 * The composition root of `tidemark start`: the only place that builds the real parts of the
 * embedded engine and lets a source run beside them.
 */
import { aborted } from '../aborted.js'
import { exitCode, TidemarkError } from '../errors.js'
import { OutputRows } from '../events/output-rows.js'
import type { App } from '../features/app.js'
import { generatorRun } from '../ingest/generate.js'
import { topicsOf } from '../log/log.js'
import { fillBoard } from '../monitoring/fill-board.js'
import { observeCommit } from '../monitoring/observe-commit.js'
import type { RunningEngine } from '../topology/engine.js'
import { committedPosition } from '../topology/committed-position.js'
import { defaultSettings } from '../topology/settings.js'
import { dataOwner } from './data-directory.js'
import { type EngineSetting, openGeneration, type ReadyGeneration } from './generation-engine.js'
import { askedNumber, askedOf, generationOf } from './generations.js'
import { layoutOf } from './layout.js'
import { compileListed } from './listed-ids.js'
import { bundlesOf } from './load-app.js'
import { openData, type OpenData, ownerNotReady } from './open-data.js'
import { RunningGeneration } from './running-generation.js'
import {
  checkSource,
  effectiveSource,
  openSource,
  type RunningSource,
  timeBaseOf,
} from './start-source.js'
import type { Compose, Composed, StartHooks } from './start.js'
import type { StartOptions, StartSource } from './start-options.js'
import { storedHistory } from './stored-history.js'
import { closeAll, withEnd } from './with-end.js'

export const composeStart: Compose = async (options, hooks) => {
  const isNew = (await dataOwner(options.dataDirectory)) === null
  const source = effectiveSource(options, isNew)
  await checkSource(source)
  const owned: { engine: RunningGeneration | null } = { engine: null }
  const data = await openData(options.dataDirectory, {
    app: options.app,
    cwd: process.cwd(),
    timeBase: () => timeBaseOf(source),
    share: (warning) => hooks.logger.warn(warning),
    answers: {
      history: async (customer) => {
        if (owned.engine === null) throw ownerNotReady()
        return storedHistory(owned.engine.current.parts.snapshots, customer)
      },
      takeOver: async (number) => {
        if (owned.engine === null) throw starting()
        await owned.engine.takeOver(number)
        hooks.logger.info(`generation ${number} has taken over`)
      },
    },
  })
  const closing: (() => Promise<void>)[] = [() => data.close()]
  try {
    const { app, bundles } = data.loaded
    const running = await openSource(source, options.seed, app, data.log, hooks)
    await resumeClock(data, app)
    const setting = await settingOf(data, options.dataDirectory, source, running, hooks)
    const { modelDirectory: model, fallbackDirectory: fallback } = options
    const { owner } = data
    const number = askedNumber(owner)
    const ready = await openGeneration(setting, { number, owner, app, bundles, model, fallback })
    closing.push(() => ready.close())
    // Before the engine, whose erasures would else be undone by an older row.
    await fillBoard(hooks.board, ready.parts.snapshots, new OutputRows(ready.parts.layout))
    closing.pop()
    const engine = new RunningGeneration(ready.start(), (next) => openStored(setting, next))
    owned.engine = engine
    closing.push(() => engine.close())
    return composed(engine, running, setting, options, closing)
  } catch (error) {
    // Whatever closing meets beside it, this is what is told.
    await closeAll(closing).catch(() => undefined)
    throw error
  }
}

async function settingOf(
  data: OpenData,
  directory: string,
  source: StartSource,
  running: RunningSource,
  hooks: StartHooks,
): Promise<EngineSetting> {
  const { loaded, log } = data
  const { app } = loaded
  const isGenerated = source.kind === 'generate' || (await generatorRun(log, app.name)) !== null
  return {
    data,
    directory,
    hooks,
    synthetic: app.synthetic || isGenerated,
    // Only the generator promises that nothing before now is still to come.
    settings: isGenerated ? { ...defaultSettings, lagAllowanceMs: 0 } : defaultSettings,
    lowWatermark: () => running.lowWatermark(),
    committed: (commit, partition, durationMs) => {
      observeCommit(hooks.board, commit, partition)
      hooks.onCommit(partition, durationMs / 1000)
    },
  }
}

/** Opens a generation as `app.json` has it stored by now: its folder may say something else. */
async function openStored(setting: EngineSetting, number: number): Promise<ReadyGeneration> {
  const owner = (await dataOwner(setting.directory))!
  const generation = generationOf(owner, number)
  const app = compileListed(owner, generation)
  const none = { model: null, fallback: null, bundles: bundlesOf(generation.reference) }
  return openGeneration(setting, { number, owner, app, ...none })
}

function starting(): TidemarkError {
  const text = 'the process that has the data directory is about to begin; run this again'
  return new TidemarkError('STARTING', text, { exit: exitCode.tryAgain, retry: 'later' })
}

function composed(
  engine: RunningGeneration,
  source: RunningSource,
  { settings }: EngineSetting,
  options: StartOptions,
  closing: (() => Promise<void>)[],
): Composed {
  const now = () => engine.current
  return {
    engine,
    topic: engine.current.parts.topics.events,
    notReady: () => [],
    // Of whichever generation runs when they are asked.
    lookups: {
      find: (customer) => now().lookups.find(customer),
      history: (customer, most) => now().lookups.history(customer, most),
      top: () => now().lookups.top(),
    },
    rows: {
      decodeFeatures: (bytes) => now().rows.decodeFeatures(bytes),
      decodeScore: (bytes) => now().rows.decodeScore(bytes),
    },
    changes: { decode: (bytes) => now().changes.decode(bytes) },
    lagAllowanceMs: settings.lagAllowanceMs,
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
  const stopped = aborted(ending.signal)
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
async function resumeClock({ log, owner }: OpenData, app: App): Promise<void> {
  const topics = topicsOf(app.name)
  const asked = askedOf(owner, askedNumber(owner))
  const generation = asked === undefined ? {} : { generation: asked }
  const place = { log, topics, layout: layoutOf(app), ...generation }
  let instant = (await generatorRun(log, app.name))?.throughMs ?? 0
  for (let partition = 0; partition < log.partitions(topics.events); partition++) {
    const position = await committedPosition(place, partition)
    if (position !== null) instant = Math.max(instant, position.asOf)
  }
  log.resumeAt(instant)
}
