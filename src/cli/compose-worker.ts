/**
 * The composition root of `tidemark worker`: the engine of `tidemark start` over Kafka, and Redis
 * where the configuration names one.
 */
import { join } from 'node:path'
import { aborted } from '../aborted.js'
import type { Config } from '../config/schema.js'
import { configurationError } from '../errors.js'
import { diffDeclarations } from '../features/app-hash.js'
import type { CustomerState } from '../features/engine.js'
import { storedApp } from '../features/stored-app.js'
import { KafkaLog } from '../log/kafka-log.js'
import { workerPlans } from '../log/kafka-topic-plan.js'
import { checkTopicSetup, singleCopyWarning } from '../log/kafka-topic-setup.js'
import { topicsOf } from '../log/log.js'
import { ownLookups } from '../serving/lookups.js'
import type { NotReady } from '../serving/readiness.js'
import { type RunningMember, startMember } from '../topology/member.js'
import { committedPosition } from '../topology/committed-position.js'
import { groupIdOf, inputHistory, kafkaConnection, logTopics } from './connections.js'
import {
  assertApp,
  type DataOwner,
  dataOwner,
  lockDirectory,
  ownDirectory,
} from './data-directory.js'
import { generationsIn } from './generations.js'
import { GenerationsTopic } from './generations-topic.js'
import { instanceIdOf } from './instance-id.js'
import { layoutOf } from './layout.js'
import { type LoadedApp, loadApp } from './load-app.js'
import { withCheckedArchive } from './open-archive.js'
import { assertFirst, lastPositions } from './positions.js'
import { openOrRefuse } from './refusing.js'
import { RunningWorker } from './running-worker.js'
import { openRegistry } from './schemas.js'
import { ServedTeller } from './served-teller.js'
import type { Compose, Composed } from './start.js'
import { tellingSilence, Waiting } from './waiting.js'
import { closeAll } from './with-end.js'
import type { WorkerOptions } from './worker.js'
import { openWorkerGeneration } from './worker-generation.js'

export const composeWorker: Compose<WorkerOptions> = async (options, hooks, stop) => {
  const { config, configFile } = options
  const closing: (() => Promise<void>)[] = []
  const waiting = new Waiting(stop)
  const warn = (text: string): void => hooks.logger.warn(text)
  try {
    const registry = await openRegistry(config, warn)
    if (registry !== null) {
      closing.push(() => registry.close())
      waiting.until(() => void registry.close())
    }
    const loaded = await loadApp(config.app, options.folder, registry)
    closing.push(await lockDirectory(config.data, { warn }))
    const kafka = await openLog(options, loaded, waiting.forBrokers, warn)
    closing.push(() => kafka.close())
    const name = `${config.kafka.topicPrefix}${loaded.app.name}`
    const { events } = topicsOf(name)
    const log = options.noHistory ? kafka : await withCheckedArchive(kafka, events, config, warn)
    const list = await listOf(config, kafka, loaded)
    if (!list.isThere) warn(unlistedWarning(topicsOf(name).generations, configFile))
    await ownData(config.data, loaded, list, warn)
    const held: { worker: RunningWorker | null } = { worker: null }
    const overtaken = (): void => held.worker?.wake()
    const setting = { config, configFile, loaded, kafka, log, list, registry, hooks, overtaken }
    const open = (number: number) =>
      openOrRefuse(list, number, () => openWorkerGeneration(setting, number), warn)
    const first = await open(list.asked)
    const current = () => held.worker?.current ?? first
    closing.push(() => current().close())
    const teller = await ServedTeller.open(config, kafka.id, list, () => current().number)
    if (teller !== null) closing.push(() => teller.close())
    const group = kafka.group({
      groupId: groupIdOf(config, name),
      instanceId: await instanceIdOf(config.data),
      sessionMs: config.kafka.sessionMs,
      heartbeatMs: config.kafka.heartbeatMs,
      copies: config.kafka.standbyReplicas,
    })
    const { synthetic } = loaded.app
    const identity = { app: loaded.app.name, synthetic }
    const member = startMember(first.parts, identity, { group, stores: first.stores })
    const switched = (): void => teller?.changed()
    const worker = new RunningWorker(first, member, list, open, warn, switched)
    held.worker = worker
    const servers = {
      group: () => group.counts,
      ...(first.health !== null && { snapshots: () => worker.current.health!() }),
      ...(registry !== null && { registry: () => registry.status() }),
    }
    waiting.begun()
    return {
      ...composed(worker, member, closing),
      notReady: () => [...silentBrokers(kafka, config), ...worker.notReady],
      servers,
    }
  } catch (error) {
    // Whatever closing meets beside it, this is what is told.
    await closeAll(closing).catch(() => undefined)
    throw error
  }
}

/** The list of generations; where nothing is listed yet, this app is the first one. */
async function listOf(
  config: Config,
  log: KafkaLog,
  { app, reference }: LoadedApp,
): Promise<GenerationsTopic> {
  const name = `${config.kafka.topicPrefix}${app.name}`
  const list = new GenerationsTopic({
    log,
    topic: topicsOf(name).generations,
    app: app.name,
    kept: join(config.data, 'models'),
    writer: 'generations',
  })
  await list.catchUp()
  if (list.owner !== null) return list
  assertFirst(await lastPositions(log, name), topicsOf(name).generations)
  const place = { log, topics: topicsOf(name), layout: layoutOf(app) }
  for (let partition = 0; partition < log.partitions(place.topics.events); partition++) {
    // Raises where another declaration has committed there.
    await committedPosition(place, partition)
  }
  await list.register({ number: 1, reference, app: storedApp(app), models: null, isBuilt: true })
  return list
}

/** A deployment from before runs on without the topic. */
function unlistedWarning(topic: string, configFile: string): string {
  const text = `there is no topic ${topic}: this worker runs the first generation`
  return `${text}; a rebuild needs tidemark topics create --config ${configFile}`
}

/**
 * Confirms that the data directory is this app's. Which generation runs is what the list asks for; a
 * declaration that it does not know is refused.
 */
async function ownData(
  directory: string,
  { app, reference }: LoadedApp,
  list: GenerationsTopic,
  warn: (text: string) => void,
): Promise<void> {
  const asked = list.owner!
  const { appHash } = app.engine
  const isListed = generationsIn(asked).some((one) => one.app.appHash === appHash)
  if (!isListed) throw unlisted(asked, app)
  const owner = await dataOwner(directory)
  if (owner === null) await ownDirectory(directory, app, reference)
  else assertApp(directory, owner, app.name)
  if (asked.appHash === appHash) return
  const text = `generation ${list.asked} is asked for (hash ${asked.appHash.slice(0, 12)})`
  warn(`${text}, and runs as it is listed; the configuration names ${appHash.slice(0, 12)}`)
}

function unlisted(asked: DataOwner, { declaration, engine }: LoadedApp['app']): Error {
  const hashes = `hash ${asked.appHash.slice(0, 12)}, now ${engine.appHash.slice(0, 12)}`
  const text = `the state on the brokers was made by another declaration (${hashes})`
  const lines = diffDeclarations(asked.declaration, declaration)
  const differences = lines.map((line) => `\n  ${line}`).join('')
  const advice = 'tidemark rebuild --config makes it anew by this one'
  return configurationError('APP_HASH_MISMATCH', `${text}; ${advice}. What differs:${differences}`)
}

/** Opens the log, whose topics must be as they were planned. */
async function openLog(
  options: WorkerOptions,
  { app }: LoadedApp,
  signal: AbortSignal,
  warn: (text: string) => void,
): Promise<KafkaLog> {
  const { kafka } = options.config
  const connection = { ...kafkaConnection(options.config), signal }
  const timeBase = { kind: kafka.timeBase }
  const topics = topicsOf(`${kafka.topicPrefix}${app.name}`)
  const history = options.noHistory ? [] : inputHistory(options.config)
  const plans = workerPlans(topics, timeBase, history)
  const { transactionMs } = kafka
  return tellingSilence(connection.brokers, warn, async () => {
    const single = await checkTopicSetup({ ...connection, plans })
    if (single.length > 0) warn(singleCopyWarning(single))
    return KafkaLog.open({ ...connection, topics: logTopics(topics), timeBase, transactionMs })
  })
}

/** This process asks at least at each beat. */
function silentBrokers({ silentMs }: KafkaLog, { kafka }: Config): NotReady[] {
  if (silentMs <= kafka.heartbeatMs + 5_000) return []
  const text = `no broker has answered for ${Math.round(silentMs / 1000)} s`
  return [{ code: 'BROKERS_SILENT', text }]
}

function composed(
  worker: RunningWorker,
  member: RunningMember<CustomerState>,
  closing: (() => Promise<void>)[],
): Omit<Composed, 'notReady'> {
  const now = () => worker.current
  const { topics, log, settings } = now().parts
  const lookups = () => {
    const { parts, elsewhere } = now()
    return ownLookups({
      engine: member,
      snapshots: parts.snapshots,
      partitions: log.partitions(topics.events),
      ...(elsewhere !== null && { elsewhere }),
    })
  }
  const end = async (): Promise<void> => {
    await worker.settle()
    await member.stop()
  }
  return {
    engine: member,
    topic: topics.events,
    // Of whichever generation runs when they are asked.
    lookups: {
      find: (customer) => lookups().find(customer),
      history: (customer, most) => lookups().history(customer, most),
      top: () => lookups().top(),
    },
    rows: {
      decodeFeatures: (bytes) => now().rows.decodeFeatures(bytes),
      decodeScore: (bytes) => now().rows.decodeScore(bytes),
    },
    changes: { decode: (bytes) => now().changes.decode(bytes) },
    lagAllowanceMs: settings.lagAllowanceMs,
    run: async (stop) => {
      await Promise.race([aborted(stop), member.done])
      await end()
    },
    close: async () => {
      await end().catch(() => undefined)
      await closeAll(closing)
    },
  }
}
