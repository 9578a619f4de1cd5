/**
 * A rebuild on Kafka: beside the workers of an app, in a folder of its own. What it builds lies in the
 * new generation's state topic, from which whoever runs a partition takes it.
 */
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config/schema.js'
import { configurationError, TidemarkError } from '../errors.js'
import { buildApp } from '../features/build-app.js'
import { storedApp } from '../features/stored-app.js'
import { KafkaLog } from '../log/kafka-log.js'
import { statePlan } from '../log/kafka-topic-plan.js'
import { createTopicSetup } from '../log/kafka-topic-setup.js'
import { type EventLog, topicsOf } from '../log/log.js'
import { keepBundle, findBundle } from '../scoring/bundle-folders.js'
import type { SchemaRegistry } from '../schemas/schemas.js'
import { LevelStoreHome } from '../state/level-store-home.js'
import { configOf } from './config.js'
import { groupIdOf, kafkaConnection, logTopics } from './connections.js'
import type { DataOwner } from './data-directory.js'
import { takeLock } from './directory-lock.js'
import { GenerationsTopic } from './generations-topic.js'
import { generationsIn } from './generations.js'
import { giveWay } from './give-way.js'
import type { CliIo } from './io.js'
import { withListedIds } from './listed-ids.js'
import { bundlesOf, type LoadedApp, loadApp, loadDeclaration } from './load-app.js'
import { withArchive } from './open-archive.js'
import { assertFirst, awaitTaken, lastPositions } from './positions.js'
import type { RebuildPlace, TargetFlags } from './rebuild-place.js'
import { backTarget } from './rebuild-target.js'
import { refused } from './refusing.js'
import { openRegistry } from './schemas.js'
import { closeAll } from './with-end.js'

/** One rebuild writes at a time: the next one takes the writer. */
const writer = 'rebuild'
/** How long to wait for a further partition that takes over. */
const quietMs = 30_000
/** Every write of the state is records that are there until they are compacted. */
const buildSettings = { flushEveryMs: 5_000, flushBytesMax: 8 * 1024 * 1024 }

type BrokerFlags = TargetFlags & { readonly config: string }

/**
 * Raises `GENERATIONS_UNLISTED` (78) where nothing says what is in force, `APP_MISMATCH` (78), and
 * what `loadConfig`, `loadApp` and `KafkaLog.open` raise.
 */
export async function openBrokersPlace(flags: BrokerFlags, io: CliIo): Promise<RebuildPlace> {
  // Workers may be on this machine: whatever this takes is what they can spare.
  giveWay()
  const { config, folder } = await configOf(flags, io)
  const directory = join(config.data, 'rebuild')
  await mkdir(directory, { recursive: true })
  const closing = [await takeLock(directory)]
  try {
    const registry = await openRegistry(config, (text) => io.err(`tidemark: ${text}\n`))
    if (registry !== null) closing.push(() => registry.close())
    const own = await loadApp(config.app, folder, registry)
    const name = `${config.kafka.topicPrefix}${own.app.name}`
    const kafka = await openLog(config, name)
    closing.push(() => kafka.close())
    await kafka.fence(writer)
    const models = join(directory, 'models')
    const topic = topicsOf(name).generations
    const list = new GenerationsTopic({
      log: kafka,
      topic,
      app: own.app.name,
      kept: models,
      writer,
    })
    const owner = await listedOwner(list, kafka, name, own, flags.config)
    // Who has refused before may have been mended since.
    await list.askAgain()
    const loaded = await targetIn(owner, flags, own, registry, io)
    const log = await withArchive(kafka, topicsOf(name).events, config)
    const place = { title: `${name} on Kafka`, name, owner, loaded, log, list, models }
    const roots = [own.bundles, loaded.bundles, bundlesOf(owner.reference)]
    return {
      ...place,
      logsState: true,
      settings: buildSettings,
      isShared: true,
      home: (generation) => new LevelStoreHome(join(directory, String(generation)), 'state'),
      haveBundle: async (hash) => {
        await list.fetchBundle(hash)
        if (existsSync(join(models, hash))) return
        const kept = join(config.data, 'models')
        await keepBundle(await findBundle(hash, { kept, roots }), models)
      },
      prepare: (generation) => includeState(kafka, config, name, generation),
      built: (generation) =>
        rm(join(directory, String(generation)), { recursive: true, force: true }),
      takeOver: (generation, stop) =>
        taken({ log, kafka, list, name, groupId: groupIdOf(config, name), generation, io, stop }),
      close: () => closeAll(closing),
    }
  } catch (error) {
    await closeAll(closing).catch(() => undefined)
    throw error
  }
}

function openLog(config: Config, name: string): Promise<KafkaLog> {
  const { timeBase, transactionMs } = config.kafka
  return KafkaLog.open({
    ...kafkaConnection(config),
    topics: logTopics(topicsOf(name)),
    timeBase: { kind: timeBase },
    transactionMs,
  })
}

/** What is listed; a first generation that no worker has listed yet is that of the configuration. */
async function listedOwner(
  list: GenerationsTopic,
  log: EventLog,
  name: string,
  { app, reference }: LoadedApp,
  file: string,
): Promise<DataOwner> {
  await list.catchUp()
  const { generations } = topicsOf(name)
  if (!list.isThere) {
    const text = `there is no topic ${generations}, in which generations are listed`
    const command = `tidemark topics create --config ${file} makes it`
    throw configurationError('TOPIC_MISSING', `${text}: ${command}`)
  }
  if (list.owner !== null) return list.owner
  const positions = (await lastPositions(log, name)).filter((position) => position !== null)
  assertFirst(positions, generations)
  const { appHash } = app.engine
  if (positions.length === 0 || positions.some((position) => position.appHash !== appHash)) {
    const text = `nothing says of which declaration the state of ${name} is`
    const advice = 'run a worker of this version once by the declaration that is in force'
    throw configurationError('GENERATIONS_UNLISTED', `${text}: ${advice}`)
  }
  await list.register({ number: 1, reference, app: storedApp(app), models: null, isBuilt: true })
  return list.read()
}

async function targetIn(
  owner: DataOwner,
  { app, back }: BrokerFlags,
  own: LoadedApp,
  registry: SchemaRegistry | null,
  io: CliIo,
): Promise<LoadedApp> {
  if (back === true) return backTarget(owner, registry ?? undefined)
  const target = await namedTarget(owner, app, own, registry, io)
  if (target.app.name === owner.app) return target
  const text = `the configuration is of app ${owner.app}, and ${app} is of ${target.app.name}`
  throw configurationError('APP_MISMATCH', text)
}

/** With a registry the ids are its own; without one, those of all generations. */
async function namedTarget(
  owner: DataOwner,
  app: string | undefined,
  own: LoadedApp,
  registry: SchemaRegistry | null,
  io: CliIo,
): Promise<LoadedApp> {
  const name = app ?? own.reference
  if (registry !== null) return app === undefined ? own : loadApp(name, io.cwd, registry)
  const { declaration, ...found } = await loadDeclaration(name, io.cwd)
  const built = withListedIds(generationsIn(owner), declaration.schemaIds, (schemaIds) =>
    buildApp({ ...declaration, schemaIds }),
  )
  return { app: built, ...found }
}

/** Makes the topic of a generation's state as the first one's is, and lets the log have it. */
async function includeState(
  log: KafkaLog,
  config: Config,
  name: string,
  generation: number,
): Promise<void> {
  if (generation === 1) return
  const { events, state } = topicsOf(name)
  const topic = topicsOf(name, generation).state
  // How the input is set up is the workers' business.
  const plans = [{ topic: events, settings: [] }, statePlan(topic)]
  const copies = { partitions: null, replication: log.copies(state) }
  await createTopicSetup({ ...kafkaConnection(config), plans }, copies)
  await log.include([topic])
}

interface Taking {
  readonly log: EventLog
  readonly kafka: KafkaLog
  readonly list: GenerationsTopic
  readonly name: string
  readonly groupId: string
  readonly generation: number
  readonly io: CliIo
  readonly stop: AbortSignal
}

/** The workers see by themselves what is asked for. Raises what one of them refuses it with. */
async function taken(taking: Taking): Promise<boolean> {
  const { log, kafka, list, name, groupId, generation, io, stop } = taking
  let members: number | null = null
  const isComing = async (): Promise<boolean> => {
    members ??= await membersOf(kafka, groupId)
    await list.catchUp()
    if (list.asked === generation && list.refusal !== null) {
      throw refused(generation, list.refusal)
    }
    return members !== 0
  }
  const left = await awaitTaken(log, name, generation, { quietMs, isComing, stop })
  if (left.length === 0) return true
  if (members === 0) {
    io.err(`tidemark: no worker runs: group ${groupId} has no member\n`)
    return false
  }
  const which = left.length === 1 ? `partition ${left[0]}` : `partitions ${left.join(', ')}`
  const now = await membersOf(kafka, groupId)
  const who = now === null ? 'does a worker run there?' : `group ${groupId} has ${now} members`
  io.err(`tidemark: ${which} did not switch within ${quietMs / 1000} s: ${who}\n`)
  return false
}

/** null: this user may not ask. */
async function membersOf(kafka: KafkaLog, groupId: string): Promise<number | null> {
  try {
    return await kafka.members(groupId)
  } catch (error) {
    if (error instanceof TidemarkError && error.code === 'KAFKA_DENIED') return null
    throw error
  }
}
