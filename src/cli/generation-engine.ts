/**
 * The engine of one generation: everything of `tidemark start` that depends on the declaration. The
 * log, the source and the server are beside it, and outlive it.
 */
import { randomUUID } from 'node:crypto'
import { OutputChanges } from '../events/output-changes.js'
import { OutputRows } from '../events/output-rows.js'
import type { App } from '../features/app.js'
import type { CustomerState } from '../features/engine.js'
import { type Topics, topicsOf } from '../log/log.js'
import type { HistoryLookup } from '../serving/history.js'
import { ownLookups } from '../serving/lookups.js'
import { emittedHistory } from '../topology/emitted-history.js'
import { type RunningEngine, startEngine } from '../topology/engine.js'
import { committedPosition } from '../topology/committed-position.js'
import type { TopologyParts } from '../topology/parts.js'
import type { EngineSettings } from '../topology/settings.js'
import { appParts } from './app-parts.js'
import type { DataOwner } from './data-directory.js'
import { askedOf, generationsIn } from './generations.js'
import { type OpenData, snapshotsOf, stateOf } from './open-data.js'
import { openModels } from './open-models.js'
import type { StartHooks } from './start.js'
import { closeAll } from './with-end.js'

/** What all generations of a process share. */
export interface EngineSetting {
  readonly data: OpenData
  readonly directory: string
  readonly hooks: StartHooks
  readonly settings: EngineSettings
  readonly synthetic: boolean
  readonly lowWatermark: () => number | null
  readonly committed: TopologyParts<CustomerState>['committed']
}

/** One generation to be run. */
export interface EngineChoice {
  readonly number: number
  readonly owner: DataOwner
  readonly app: App
  /** Folder with the app's own bundles. */
  readonly bundles: string
  /** Folders named by flags. */
  readonly model: string | null
  readonly fallback: string | null
}

/** A generation whose stores and models are open. */
export interface OpenGeneration extends Pick<HistoryLookup, 'lookups' | 'rows' | 'changes'> {
  readonly number: number
  readonly parts: TopologyParts<CustomerState>
  readonly engine: RunningEngine
  /** Behind a stop of the engine. */
  close(): Promise<void>
}

/** A generation that is ready: `start` runs it, behind the end of the one before. */
export interface ReadyGeneration {
  readonly parts: TopologyParts<CustomerState>
  start(): OpenGeneration
  close(): Promise<void>
}

/**
 * Opens what a generation needs beside the log.
 *
 * @throws what `openModels` and `openLevelSnapshots` throw
 */
export async function openGeneration(
  setting: EngineSetting,
  choice: EngineChoice,
): Promise<ReadyGeneration> {
  const closing: (() => Promise<void>)[] = []
  try {
    const parts = await openParts(setting, choice, closing)
    const close = () => closeAll(closing)
    return { parts, close, start: () => started(setting, choice, parts, close) }
  } catch (error) {
    // Whatever closing meets beside it, this is what is told.
    await closeAll(closing).catch(() => undefined)
    throw error
  }
}

async function openParts(
  setting: EngineSetting,
  { number, owner, app, ...folders }: EngineChoice,
  closing: (() => Promise<void>)[],
): Promise<TopologyParts<CustomerState>> {
  const { data, directory, hooks, settings } = setting
  const known = generationsIn(owner)
  const recorded = known.find((generation) => generation.number === number)?.models ?? null
  const earlier = new Set(known.map((generation) => generation.app.appHash))
  const models = await openModels(
    app,
    { ...folders, kept: data.models, recorded, earlier },
    modelNotes(hooks),
  )
  closing.push(() => models.close())
  const own = appParts(app)
  const { layout } = own
  const topics: Topics = topicsOf(app.name)
  const { log } = data
  const asked = askedOf(owner, number)
  const generation = asked === undefined ? {} : { generation: asked }
  const snapshots = await snapshotsOf(directory, number, {
    onDamage: (text) => hooks.logger.error(text),
    history: emittedHistory(log, topics, layout),
    committed: async (partition) =>
      (await committedPosition({ log, topics, layout, ...generation }, partition))?.commit ?? 0,
  })
  closing.push(() => snapshots.close())
  return {
    ...own,
    ...generation,
    log,
    topics,
    home: stateOf(directory, number),
    snapshots,
    scoring: models.scoring,
    settings,
    incarnation: randomUUID(),
    lowWatermark: setting.lowWatermark,
    committed: setting.committed,
    note: (text) => hooks.logger.warn(text),
  }
}

function started(
  { synthetic }: EngineSetting,
  { number, app }: EngineChoice,
  parts: TopologyParts<CustomerState>,
  close: () => Promise<void>,
): OpenGeneration {
  const engine = startEngine(parts, { app: app.name, synthetic })
  const { log, topics, snapshots, layout } = parts
  const partitions = log.partitions(topics.events)
  const lookups = ownLookups({ engine, snapshots, partitions })
  const [rows, changes] = [new OutputRows(layout), new OutputChanges(layout)]
  return { number, parts, engine, lookups, rows, changes, close }
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
