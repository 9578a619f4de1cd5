/**
 * One generation in a worker: everything that depends on the declaration. The log, the membership
 * and the server are beside it, and outlive it.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Config } from '../config/schema.js'
import { OutputChanges } from '../events/output-changes.js'
import { OutputRows } from '../events/output-rows.js'
import { configurationError, TidemarkError } from '../errors.js'
import type { CustomerState } from '../features/engine.js'
import type { KafkaLog } from '../log/kafka-log.js'
import { type EventLog, topicsOf } from '../log/log.js'
import { observeCommit } from '../monitoring/observe-commit.js'
import type { SchemaRegistry } from '../schemas/schemas.js'
import { LevelStoreHome } from '../state/level-store-home.js'
import type { HeldStores } from '../topology/member.js'
import type { TopologyParts } from '../topology/parts.js'
import { appParts } from './app-parts.js'
import { engineSettings } from './connections.js'
import { modelNotes } from './generation-engine.js'
import { askedOf, folderOf, generationOf, generationsIn } from './generations.js'
import type { GenerationsTopic } from './generations-topic.js'
import { heldStores } from './held-stores.js'
import { compileListed } from './listed-ids.js'
import { bundlesOf, type LoadedApp } from './load-app.js'
import { openModels } from './open-models.js'
import type { StartHooks } from './start.js'
import { closeAll } from './with-end.js'
import { type OpenSnapshots, openSnapshots } from './worker-snapshots.js'

type Parts = TopologyParts<CustomerState>

/** What all generations of a worker share. */
export interface WorkerSetting {
  readonly config: Config
  readonly configFile: string
  /** The app of the configuration: its folder has bundles, if it is the generation's. */
  readonly loaded: LoadedApp
  readonly kafka: KafkaLog
  /** With what the archive has. */
  readonly log: EventLog
  readonly list: GenerationsTopic
  readonly registry: SchemaRegistry | null
  readonly hooks: StartHooks
  /** Told where a partition is about to be opened and another generation is asked for. */
  readonly overtaken: () => void
}

export interface WorkerGeneration extends Omit<OpenSnapshots, 'snapshots'> {
  readonly number: number
  readonly parts: Parts
  readonly stores: HeldStores
  readonly rows: OutputRows
  readonly changes: OutputChanges
  /** Behind the end of its tasks. */
  close(): Promise<void>
}

/**
 * Opens what a generation needs beside the log, as it is listed: the configuration may name another.
 *
 * @throws what `compileListed`, `openModels` and `openSnapshots` throw
 */
export async function openWorkerGeneration(
  setting: WorkerSetting,
  number: number,
): Promise<WorkerGeneration> {
  const closing: (() => Promise<void>)[] = []
  try {
    return await open(setting, number, closing)
  } catch (error) {
    await closeAll(closing).catch(() => undefined)
    throw error
  }
}

async function open(
  setting: WorkerSetting,
  number: number,
  closing: (() => Promise<void>)[],
): Promise<WorkerGeneration> {
  const { config, kafka, log, list, registry, hooks } = setting
  const owner = list.owner!
  const listed = generationOf(owner, number)
  const app = compileListed(owner, listed, registry ?? undefined)
  const own = appParts(app)
  const { layout } = own
  const topics = topicsOf(`${config.kafka.topicPrefix}${app.name}`, number)
  if (number > 1) await includeState(setting, topics.state, number)
  const models = await modelsOf(setting, number, app)
  closing.push(() => models.close())
  const generation = askedOf(owner, number)!
  const place = { log: kafka, topics, layout, generation }
  const directory = folderOf(config.data, number)
  const opened = await openSnapshots(config, place, directory, hooks.logger)
  const { snapshots, elsewhere } = opened
  closing.push(() => snapshots.close())
  if (elsewhere !== null) closing.push(async () => elsewhere.close())
  const home = new LevelStoreHome(join(directory, 'state'), 'state')
  const parts: Parts = {
    ...own,
    generation,
    isAsked: async () => {
      await list.catchUp()
      if (list.asked !== number) setting.overtaken()
      return list.asked === number
    },
    log,
    topics,
    logsState: true,
    home,
    snapshots,
    scoring: models.scoring,
    settings: engineSettings(config),
    incarnation: randomUUID(),
    lowWatermark: () => null,
    committed: (...[commit, partition, durationMs]: Parameters<Parts['committed']>) => {
      observeCommit(hooks.board, commit, partition)
      hooks.onCommit(partition, durationMs / 1000)
    },
    note: (text: string) => hooks.logger.warn(text),
  }
  return {
    number,
    parts,
    stores: await heldStores(home, kafka.id),
    health: opened.health,
    elsewhere,
    rows: new OutputRows(layout),
    changes: new OutputChanges(layout),
    close: () => closeAll(closing),
  }
}

/** Raises `STATE_TOPIC_MISSING` (78). */
async function includeState(
  { kafka, configFile }: WorkerSetting,
  topic: string,
  number: number,
): Promise<void> {
  await kafka.include([topic]).catch((error: unknown) => {
    if (!(error instanceof TidemarkError) || error.code !== 'TOPIC_MISSING') throw error
    const text = `there is no topic ${topic}, which has the state of generation ${number}`
    const advice = `tidemark rebuild --back --config ${configFile} returns to the one before`
    const then = 'behind it, tidemark rebuild makes the state anew'
    throw configurationError('STATE_TOPIC_MISSING', `${text}: ${advice}; ${then}`, error)
  })
}

/** The models of a generation: of the app's folder where it is that app, else those listed. */
async function modelsOf(
  { config, loaded, list, hooks }: WorkerSetting,
  number: number,
  app: LoadedApp['app'],
) {
  const owner = list.owner!
  const { reference, models: recorded } = generationOf(owner, number)
  for (const hash of [recorded?.model, recorded?.fallback]) {
    if (typeof hash === 'string') await list.fetchBundle(hash)
  }
  const isOwn = loaded.app.engine.appHash === app.engine.appHash
  return openModels(
    app,
    {
      model: null,
      fallback: null,
      bundles: isOwn ? loaded.bundles : bundlesOf(reference),
      kept: join(config.data, 'models'),
      recorded,
      earlier: new Set(generationsIn(owner).map((one) => one.app.appHash)),
    },
    modelNotes(hooks),
  )
}
