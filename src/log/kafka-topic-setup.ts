/**
 * Creates the topics of an app, or finds out what is wrong with those that are there: all of it at
 * once, each with the command that mends it.
 */
import { configurationError } from '../errors.js'
import { KafkaCluster } from './kafka-cluster.js'
import { BrokerRefusal, kafkaCode, kafkaFailure } from './kafka-errors.js'
import type { ConnectOptions } from './kafka-lane.js'
import type { DueSetting, TopicPlan } from './kafka-topic-plan.js'
import { createTopicsRequest, describeConfigsRequest } from './kafka-topic-requests.js'

export interface TopicSetupOptions extends ConnectOptions {
  /** The input's plan first. */
  readonly plans: readonly TopicPlan[]
  /** How long the brokers may be away. @default 30_000 */
  readonly patienceMs?: number
}

export interface CreateOptions {
  /** null: as many as the input has; it must be there then. */
  readonly partitions: number | null
  /** null: the brokers' own default. */
  readonly replication: number | null
}

export interface TopicSetup {
  readonly created: readonly string[]
  readonly found: readonly string[]
  readonly partitions: number
  /** Topics of which one broker has the only copy. */
  readonly single: readonly string[]
}

interface Looked {
  readonly missing: readonly TopicPlan[]
  readonly found: readonly TopicPlan[]
  /** One sentence each, with a command. */
  readonly faults: readonly string[]
  /** Of the input; null where that is missing. */
  readonly partitions: number | null
}

/**
 * Checks topics that must be there, but for the optional ones; answers those of which one broker has the only copy.
 *
 * @throws TidemarkError TOPICS_UNSUITABLE (78) with every fault and its command, KAFKA_UNREACHABLE,
 *   KAFKA_FAILED (69), KAFKA_DENIED (78)
 */
export async function checkTopicSetup(options: TopicSetupOptions): Promise<string[]> {
  return connected(options, async (cluster) => {
    const { missing, faults } = await look(cluster, options)
    const command = 'tidemark topics create makes it'
    const absent = missing
      .filter(({ isOptional }) => isOptional !== true)
      .map(({ topic }) => `there is no topic ${topic}: ${command}`)
    refuse([...absent, ...faults])
    return singleCopies(cluster, options)
  })
}

/**
 * Creates what is missing, and nothing where one that is there is unsuitable.
 *
 * @throws TidemarkError what `checkTopicSetup` throws of topics that are there; PARTITIONS_MISSING
 *   (78) where nobody says how many partitions
 * @example await createTopicSetup({ brokers, plans }, { partitions: 8, replication: 3 })
 */
export async function createTopicSetup(
  options: TopicSetupOptions,
  { partitions, replication }: CreateOptions,
): Promise<TopicSetup> {
  return connected(options, async (cluster) => {
    const looked = await look(cluster, options, partitions)
    refuse(looked.faults)
    const count = looked.partitions ?? partitions
    if (count === null) {
      const text = `there is no topic ${options.plans[0].topic} yet: how many partitions is for ever`
      throw configurationError('PARTITIONS_MISSING', `${text}; say --partitions`)
    }
    for (const plan of looked.missing) await create(cluster, plan, count, replication ?? -1)
    const created = looked.missing.map(({ topic }) => topic)
    await appeared(cluster, created)
    const found = looked.found.map(({ topic }) => topic)
    return { created, found, partitions: count, single: singleCopies(cluster, options) }
  })
}

function singleCopies(cluster: KafkaCluster, { plans }: TopicSetupOptions): string[] {
  const names = plans.map(({ topic }) => topic).filter((name) => cluster.has(name))
  return names.filter((name) => cluster.topic(name).copies === 1)
}

/** What a person is told of topics that have one copy: it goes with its broker. */
export function singleCopyWarning(topics: readonly string[]): string {
  const whose = topics.length === 1 ? `topic ${topics[0]} has` : `${topics.length} topics have`
  return `${whose} one copy (replication factor 1): what is in it is lost with its broker`
}

/**
 * What is set of a topic that is there, by name.
 *
 * @throws TidemarkError TOPIC_MISSING (78) and what `checkTopicSetup` throws of the brokers
 */
export async function topicSettings(
  connection: ConnectOptions,
  topic: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const settings = names.map((name) => ({ name, value: '', why: '', suits: () => true }))
  const plan = { topic, settings }
  return connected({ ...connection, plans: [plan] }, async (cluster) => {
    if (!cluster.has(topic)) {
      throw configurationError('TOPIC_MISSING', `there is no topic ${topic}`)
    }
    return (await settingsOf(cluster, [plan])).get(topic)!
  })
}

async function connected<T>(
  options: TopicSetupOptions,
  work: (cluster: KafkaCluster) => Promise<T>,
): Promise<T> {
  const { plans, patienceMs = 30_000 } = options
  let cluster: KafkaCluster | null = null
  try {
    const names = plans.map(({ topic }) => topic)
    cluster = await KafkaCluster.connect(options, names, patienceMs)
    return await work(cluster)
  } catch (error) {
    throw kafkaFailure(error)
  } finally {
    cluster?.close()
  }
}

/** `due`: how many partitions are asked for; null: as many as the input has. */
async function look(
  cluster: KafkaCluster,
  { plans, brokers }: TopicSetupOptions,
  due: number | null = null,
): Promise<Looked> {
  const found = plans.filter(({ topic }) => cluster.has(topic))
  const missing = plans.filter((plan) => !found.includes(plan))
  const input = plans[0].topic
  const partitions = cluster.has(input) ? cluster.topic(input).leaders.length : null
  const faults: string[] = []
  for (const { topic } of found) {
    const came = cluster.topic(topic).leaders.length
    const asked = due ?? partitions ?? came
    if (came !== asked) faults.push(partitionFault(topic, came, asked, brokers))
  }
  const values = await settingsOf(cluster, found)
  for (const { topic, settings } of found) {
    const wrong = settings.filter(
      (setting) => !setting.suits(values.get(topic)?.get(setting.name) ?? ''),
    )
    if (wrong.length > 0) faults.push(settingFault(topic, wrong, values.get(topic)!, brokers))
  }
  return { missing, found, faults, partitions }
}

async function settingsOf(cluster: KafkaCluster, plans: readonly TopicPlan[]) {
  const values = new Map<string, ReadonlyMap<string, string>>()
  if (plans.length === 0) return values
  const names = new Set(plans.flatMap(({ settings }) => settings.map(({ name }) => name)))
  const topics = plans.map(({ topic }) => topic)
  const request = describeConfigsRequest(topics, [...names])
  for (const { topic, error, values: came } of await cluster.persist(request.name, () =>
    cluster.ask(request),
  )) {
    if (error !== 0) throw new BrokerRefusal(error, `settings of ${topic}`)
    values.set(topic, came)
  }
  return values
}

function partitionFault(topic: string, came: number, due: number, brokers: readonly string[]) {
  const text = `topic ${topic} has ${came} partitions and not ${due}`
  if (came > due) return `${text}; partitions cannot be taken away: create it anew`
  const command = `kafka-topics.sh --bootstrap-server ${brokers.join(',')} --alter`
  const mend = `${command} --topic ${topic} --partitions ${due}`
  // Whoever follows the command after a run would tear customers from their history.
  return `${text}; if the app never ran, ${mend}; if it did, its input needs ${came} again`
}

function settingFault(
  topic: string,
  wrong: readonly DueSetting[],
  values: ReadonlyMap<string, string>,
  brokers: readonly string[],
): string {
  const told = wrong.map(
    ({ name, value, why }) => `${name}=${values.get(name) ?? 'unknown'} and not ${value} (${why})`,
  )
  const command = `kafka-configs.sh --bootstrap-server ${brokers.join(',')} --alter`
  const config = wrong.map(({ name, value }) => `${name}=${value}`).join(',')
  const whole = `${command} --entity-type topics --entity-name ${topic} --add-config ${config}`
  return `topic ${topic} has ${told.join(', ')}: ${whole}`
}

function refuse(faults: readonly string[]): void {
  if (faults.length === 0) return
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`
  const lines = faults.map((fault) => `\n  ${fault}`).join('')
  throw configurationError('TOPICS_UNSUITABLE', `the topics have ${count}:${lines}`)
}

async function create(
  cluster: KafkaCluster,
  { topic, settings }: TopicPlan,
  partitions: number,
  replication: number,
): Promise<void> {
  const config = settings.map(({ name, value }) => [name, value] as const)
  const request = createTopicsRequest({ topic, partitions, replication, config })
  await cluster.persist(`creation of ${topic}`, async () => {
    const { error, text } = await cluster.ask(request)
    // Created by somebody else meanwhile, or by an attempt whose answer got lost.
    if (error === 0 || error === kafkaCode.topicAlreadyExists) return
    const refusal = new BrokerRefusal(error, `creation of topic ${topic}`)
    if (error !== kafkaCode.invalidReplicationFactor && error !== kafkaCode.invalidConfig) {
      throw refusal
    }
    throw configurationError('KAFKA_REFUSED', `${refusal.message}: ${text}`)
  })
}

/** The controller has them at once, a broker a moment later. */
async function appeared(cluster: KafkaCluster, topics: readonly string[]): Promise<void> {
  await cluster.persist('metadata of new topics', async () => {
    await cluster.refresh()
    for (const topic of topics) {
      const isThere = cluster.has(topic) && cluster.topic(topic).leaders.every((id) => id >= 0)
      if (!isThere) throw new BrokerRefusal(kafkaCode.leaderNotAvailable, `metadata of ${topic}`)
    }
  })
}
