/**
 * The composition root of `tidemark worker`: the engine of `tidemark start` over Kafka, and Redis
 * where the configuration names one.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Config } from '../config/schema.js'
import { OutputRows, type RowLayout } from '../events/output-rows.js'
import { OutputTexts } from '../events/output-texts.js'
import type { CustomerState } from '../features/engine.js'
import { KafkaLog } from '../log/kafka-log.js'
import { historySettings, orderSettings, topicPlans } from '../log/kafka-topic-plan.js'
import { checkTopicSetup } from '../log/kafka-topic-setup.js'
import { type EventLog, topicsOf } from '../log/log.js'
import type { SnapshotsHealth } from '../monitoring/metrics.js'
import { observeCommit } from '../monitoring/observe-commit.js'
import { featureProgram } from '../operators/program.js'
import { openLevelSnapshots } from '../snapshots/level-snapshots.js'
import { openRedisSnapshots } from '../snapshots/redis-open.js'
import type { SnapshotStore } from '../snapshots/snapshots.js'
import { LevelStoreHome } from '../state/level-store-home.js'
import { followSnapshots } from '../topology/follow-snapshots.js'
import { type RunningMember, startMember } from '../topology/member.js'
import { committedPosition } from '../topology/open-task.js'
import type { TopologyParts } from '../topology/parts.js'
import { layoutOf, modelNotes } from './compose-start.js'
import { engineSettings, groupIdOf, kafkaConnection, redisAddress } from './connections.js'
import { lockDirectory, ownDirectory } from './data-directory.js'
import { heldStores } from './held-stores.js'
import { type LoadedApp, loadApp } from './load-app.js'
import { withCheckedArchive } from './open-archive.js'
import { openModels } from './open-models.js'
import { openRegistry } from './schemas.js'
import type { Compose, Composed, StartHooks } from './start.js'
import { closeAll } from './with-end.js'
import type { WorkerOptions } from './worker.js'

type Parts = TopologyParts<CustomerState>

export const composeWorker: Compose<WorkerOptions> = async (options, hooks) => {
  const { config } = options
  const closing: (() => Promise<void>)[] = []
  try {
    const registry = await openRegistry(config, (text) => hooks.logger.warn(text))
    if (registry !== null) closing.push(() => registry.close())
    const loaded = await loadApp(config.app, options.folder, registry)
    closing.push(await lockDirectory(config.data, { warn: (text) => hooks.logger.warn(text) }))
    await ownDirectory(config.data, loaded.app, loaded.reference)
    const log = await openLog(options, loaded)
    closing.push(() => log.close())
    const input = topicsOf(`${config.kafka.topicPrefix}${loaded.app.name}`).events
    const joined = options.noHistory
      ? log
      : await withCheckedArchive(log, input, config, (text) => hooks.logger.warn(text))
    const { snapshots, health } = await openSnapshots(config, layoutOf(loaded.app), log, hooks)
    closing.push(() => snapshots.close())
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
    return { ...composed(member, all, closing), servers }
  } catch (error) {
    // Whatever closing meets beside it, this is what is told.
    await closeAll(closing).catch(() => undefined)
    throw error
  }
}

/** Opens the log, whose topics must be as they were planned. */
async function openLog(options: WorkerOptions, { app }: LoadedApp): Promise<KafkaLog> {
  const { kafka } = options.config
  const connection = kafkaConnection(options.config)
  const timeBase = { kind: kafka.timeBase }
  const topics = topicsOf(`${kafka.topicPrefix}${app.name}`)
  const [input, ...others] = topicPlans(topics, timeBase)
  // What the brokers delete is in the archive by then.
  const history = options.config.archive === null ? historySettings : orderSettings
  const settings = [...input.settings, ...(options.noHistory ? [] : history)]
  await checkTopicSetup({ ...connection, plans: [{ ...input, settings }, ...others] })
  const { transactionMs } = kafka
  return KafkaLog.open({ ...connection, topics: Object.values(topics), timeBase, transactionMs })
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
      observeCommit(hooks.board, commit)
      hooks.onCommit(partition, durationMs / 1000)
    },
    note: (text: string) => hooks.logger.warn(text),
  }
}

interface OpenSnapshots {
  readonly snapshots: SnapshotStore
  /** null: they are on this disk. */
  readonly health: (() => SnapshotsHealth) | null
}

async function openSnapshots(
  config: Config,
  layout: RowLayout,
  log: KafkaLog,
  hooks: StartHooks,
): Promise<OpenSnapshots> {
  const topics = topicsOf(`${config.kafka.topicPrefix}${layout.app}`)
  const address = redisAddress(config)
  const committed = async (partition: number) =>
    committedPosition({ log, topics, layout }, partition)
  if (address === null) {
    const snapshots = await openLevelSnapshots(join(config.data, 'snapshots'), {
      onDamage: (text) => hooks.logger.error(text),
      committed: async (partition) => (await committed(partition))?.commit ?? 0,
    })
    return { snapshots, health: null }
  }
  const snapshots = await openRedisSnapshots(address, {
    app: layout.app,
    generation: layout.appHash.slice(0, 12),
    ...(config.redis?.keyPrefix !== undefined && { keyPrefix: config.redis.keyPrefix }),
    rows: new OutputTexts(layout),
    waitingBytesMax: config.limits.redisWaitingBytesMax,
    note: (text) => hooks.logger.warn(text),
    log: {
      id: log.id,
      committed: async (partition) => (await committed(partition))?.commit ?? -1,
    },
    refill: async (partition, snapshots) => {
      const position = await committed(partition)
      if (position === null) return
      const rows = new OutputRows(layout)
      await followSnapshots({ log, topics, rows, snapshots }, partition, position)
    },
  })
  return { snapshots, health: () => snapshots.status() }
}

function composed(
  member: RunningMember,
  parts: Pick<Parts, 'snapshots' | 'layout' | 'settings'>,
  closing: (() => Promise<void>)[],
): Composed {
  return {
    engine: member,
    snapshots: parts.snapshots,
    rows: new OutputRows(parts.layout),
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
