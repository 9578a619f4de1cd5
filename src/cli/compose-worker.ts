/**
 * The composition root of `tidemark worker`: the engine of `tidemark start` over Kafka, and Redis
 * where the configuration names one.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Config } from '../config/schema.js'
import { OutputChanges } from '../events/output-changes.js'
import { OutputRows } from '../events/output-rows.js'
import type { CustomerState } from '../features/engine.js'
import { KafkaLog } from '../log/kafka-log.js'
import { workerPlans } from '../log/kafka-topic-plan.js'
import { checkTopicSetup, singleCopyWarning } from '../log/kafka-topic-setup.js'
import { type EventLog, topicsOf } from '../log/log.js'
import { observeCommit } from '../monitoring/observe-commit.js'
import { featureProgram } from '../operators/program.js'
import { ownLookups } from '../serving/lookups.js'
import type { NotReady } from '../serving/readiness.js'
import { LevelStoreHome } from '../state/level-store-home.js'
import { type RunningMember, startMember } from '../topology/member.js'
import type { TopologyParts } from '../topology/parts.js'
import { modelNotes } from './generation-engine.js'
import { layoutOf } from './layout.js'
import { engineSettings, groupIdOf, inputHistory, kafkaConnection } from './connections.js'
import { lockDirectory, ownDirectory } from './data-directory.js'
import { heldStores } from './held-stores.js'
import { type LoadedApp, loadApp } from './load-app.js'
import { withCheckedArchive } from './open-archive.js'
import { openModels } from './open-models.js'
import { openRegistry } from './schemas.js'
import type { Compose, Composed, StartHooks } from './start.js'
import { Waiting } from './waiting.js'
import { closeAll } from './with-end.js'
import type { WorkerOptions } from './worker.js'
import { openSnapshots } from './worker-snapshots.js'

type Parts = TopologyParts<CustomerState>

export const composeWorker: Compose<WorkerOptions> = async (options, hooks, stop) => {
  const { config } = options
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
    await ownDirectory(config.data, loaded.app, loaded.reference)
    const log = await openLog(options, loaded, waiting.forBrokers, warn)
    closing.push(() => log.close())
    const input = topicsOf(`${config.kafka.topicPrefix}${loaded.app.name}`).events
    const joined = options.noHistory ? log : await withCheckedArchive(log, input, config, warn)
    const layout = layoutOf(loaded.app)
    const { snapshots, health, elsewhere } = await openSnapshots(config, layout, log, hooks.logger)
    closing.push(() => snapshots.close())
    if (elsewhere !== null) closing.push(async () => elsewhere.close())
    const parts = await openParts(options, loaded, joined, hooks, closing)
    const group = log.group({
      groupId: groupIdOf(config, `${config.kafka.topicPrefix}${loaded.app.name}`),
      sessionMs: config.kafka.sessionMs,
      heartbeatMs: config.kafka.heartbeatMs,
      copies: config.kafka.standbyReplicas,
    })
    const home = new LevelStoreHome(join(config.data, 'state'), 'state')
    const stores = await heldStores(home, log.id)
    const { name, synthetic } = loaded.app
    const all = { ...parts, home, snapshots }
    const member = startMember(all, { app: name, synthetic }, { group, stores })
    const servers = {
      group: () => group.counts,
      ...(health !== null && { snapshots: health }),
      ...(registry !== null && { registry: () => registry.status() }),
    }
    waiting.begun()
    return {
      ...composed(member, all, closing),
      lookups: ownLookups({
        engine: member,
        snapshots,
        partitions: log.partitions(all.topics.events),
        ...(elsewhere !== null && { elsewhere }),
      }),
      notReady: () => silentBrokers(log, config),
      servers,
    }
  } catch (error) {
    // Whatever closing meets beside it, this is what is told.
    await closeAll(closing).catch(() => undefined)
    throw error
  }
}

/** How often somebody who looks is told that it is the brokers who do not answer, in ms. */
const waitingEveryMs = 5_000

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
  const silent = setInterval(() => {
    warn(`waiting for the brokers ${connection.brokers.join(', ')}; tidemark doctor looks closer`)
  }, waitingEveryMs)
  try {
    const single = await checkTopicSetup({ ...connection, plans })
    if (single.length > 0) warn(singleCopyWarning(single))
    const all = Object.values(topics)
    return await KafkaLog.open({ ...connection, topics: all, timeBase, transactionMs })
  } finally {
    clearInterval(silent)
  }
}

async function openParts(
  { config }: WorkerOptions,
  { app, bundles }: LoadedApp,
  log: EventLog,
  hooks: StartHooks,
  closing: (() => Promise<void>)[],
): Promise<Omit<Parts, 'home' | 'snapshots'>> {
  const layout = layoutOf(app)
  const topics = topicsOf(`${config.kafka.topicPrefix}${app.name}`)
  const folders = { model: null, fallback: null, bundles, kept: join(config.data, 'models') }
  const models = await openModels(app, folders, modelNotes(hooks))
  closing.push(() => models.close())
  return {
    program: featureProgram(app.engine),
    codec: app.codec,
    rules: app.rules,
    layout,
    log,
    topics,
    logsState: true,
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
}

/** This process asks at least at each beat: who has answered none of two is away. */
function silentBrokers({ silentMs }: KafkaLog, { kafka }: Config): NotReady[] {
  if (silentMs <= 2 * kafka.heartbeatMs + 1_000) return []
  const text = `no broker has answered for ${Math.round(silentMs / 1000)} s`
  return [{ code: 'BROKERS_SILENT', text }]
}

function composed(
  member: RunningMember,
  parts: Pick<Parts, 'layout' | 'settings' | 'topics'>,
  closing: (() => Promise<void>)[],
): Omit<Composed, 'lookups' | 'notReady'> {
  return {
    engine: member,
    topic: parts.topics.events,
    rows: new OutputRows(parts.layout),
    changes: new OutputChanges(parts.layout),
    lagAllowanceMs: parts.settings.lagAllowanceMs,
    run: async (stop) => {
      const stopped = new Promise<void>((resolve) => {
        if (stop.aborted) resolve()
        else stop.addEventListener('abort', () => resolve(), { once: true })
      })
      await Promise.race([stopped, member.done])
      await member.stop()
    },
    close: async () => {
      await member.stop().catch(() => undefined)
      await closeAll(closing)
    },
  }
}
