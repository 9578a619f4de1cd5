/**
 * What the doctor looks at, from the near to the far: the data directory, the app, then each server
 * along the way to it. Behind a step that fails the later ones of the same way are left out, for
 * they could only fail too.
 */
import { access, constants } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { LoadedConfig } from '../config/load-config.js'
import type { Config } from '../config/schema.js'
import { TidemarkError } from '../errors.js'
import { type AppDeclaration, schemasOf } from '../features/build-app.js'
import { probeKafka } from '../log/kafka-probe.js'
import { workerPlans } from '../log/kafka-topic-plan.js'
import { checkTopicSetup } from '../log/kafka-topic-setup.js'
import { topicsOf } from '../log/log.js'
import { ConfluentSchemas } from '../schemas/confluent-schemas.js'
import { registeredIds } from '../schemas/registered-ids.js'
import { probeRedis } from '../snapshots/redis-probe.js'
import {
  groupIdOf,
  inputHistory,
  kafkaConnection,
  nodeOf,
  redisAddress,
  registryAddress,
} from './connections.js'
import { loadDeclaration } from './load-app.js'
import { type Endpoint, probeEndpoint } from './probe-network.js'

export interface Finding {
  readonly part: 'data' | 'app' | 'kafka' | 'redis' | 'registry'
  /** `dns`, `tcp`, `tls`, `sasl`, `auth`, `acl`, `topic`, `schema` and the like. */
  readonly step: string
  readonly subject: string
  readonly ok: boolean
  readonly text: string
  /** Whether only a person can mend it. */
  readonly isLasting: boolean
}

export async function* examine({ config, folder }: LoadedConfig): AsyncGenerator<Finding> {
  yield await dataFinding(config.data)
  let declaration: AppDeclaration | null = null
  try {
    declaration = (await loadDeclaration(config.app, folder)).declaration
    yield good('app', 'load', config.app, `app ${declaration.featureSet.spec.name}`)
  } catch (error) {
    yield bad('app', 'load', config.app, error)
  }
  const name = declaration?.featureSet.spec.name ?? config.app
  yield* kafkaFindings(config, name)
  yield* redisFindings(config, name)
  yield* registryFindings(config, declaration)
}

async function dataFinding(directory: string): Promise<Finding> {
  for (let at = directory; ; at = dirname(at)) {
    try {
      await access(at, constants.W_OK | constants.X_OK)
      const text = at === directory ? 'can be written' : `is not there yet; ${at} can be written`
      return good('data', 'write', directory, text)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' && at !== dirname(at)) continue
      return bad('data', 'write', directory, new Error(`${at} cannot be written (${code})`))
    }
  }
}

async function* kafkaFindings(config: Config, app: string): AsyncGenerator<Finding> {
  const connection = kafkaConnection(config)
  const { ssl } = connection
  const tls = ssl === true ? {} : ssl
  const reached: string[] = []
  for (const broker of connection.brokers) {
    const isReached = yield* endpointFindings('kafka', broker, { ...nodeOf(broker), tls })
    if (isReached) reached.push(broker)
  }
  if (reached.length === 0) return
  const { sasl, topicPrefix } = config.kafka
  const user = sasl === null ? '' : sasl.mechanism === 'oauthbearer' ? sasl.clientId : sasl.username
  const { outcomes, advertised } = await probeKafka({
    connection: { ...connection, brokers: reached },
    topics: Object.values(topicsOf(`${topicPrefix}${app}`)),
    groupId: groupIdOf(config, app),
    user,
  })
  for (const outcome of outcomes) yield { part: 'kafka', ...outcome }
  // Of topics that are missing or closed nothing more can be said.
  if (outcomes.every(({ ok }) => ok)) {
    yield await settingsFinding({ ...connection, brokers: reached }, config, app)
  }
  // A cluster sends its clients to the addresses that it was told to tell.
  for (const { host, port } of advertised) {
    const name = `${host}:${port}`
    if (!reached.includes(name)) {
      yield* endpointFindings('kafka', `${name} (advertised)`, { host, port, tls })
    }
  }
}

/** The settings that a worker would refuse, every fault with the command that mends it. */
async function settingsFinding(
  connection: ReturnType<typeof kafkaConnection>,
  config: Config,
  app: string,
): Promise<Finding> {
  const { topicPrefix, timeBase } = config.kafka
  const topics = topicsOf(`${topicPrefix}${app}`)
  const plans = workerPlans(topics, { kind: timeBase }, inputHistory(config))
  const subject = `${topicPrefix}${app}.*`
  try {
    await checkTopicSetup({ ...connection, plans })
    return good('kafka', 'topic', subject, 'the settings of all topics will do')
  } catch (error) {
    return bad('kafka', 'topic', subject, error)
  }
}

async function* redisFindings(config: Config, app: string): AsyncGenerator<Finding> {
  const address = redisAddress(config)
  if (address === null) return
  const { url, cluster, sentinels } = address
  const nodes = cluster ?? sentinels?.nodes ?? [placeOfUrl(url ?? '', 6379)]
  const tls = address.tls === true || url?.startsWith('rediss:') === true ? {} : (false as const)
  let reached = 0
  for (const { host, port } of nodes) {
    if (yield* endpointFindings('redis', `${host}:${port}`, { host, port, tls })) reached++
  }
  if (reached === 0) return
  const names = [config.redis?.keyPrefix, `${config.kafka.topicPrefix}${app}`]
  const prefix = names.filter((part) => part !== undefined).join(':')
  const subject = url === undefined ? (cluster ? 'cluster' : 'sentinels') : 'server'
  for (const outcome of await probeRedis(address, prefix)) {
    yield { part: 'redis', subject, ...outcome }
  }
}

async function* registryFindings(
  config: Config,
  declaration: AppDeclaration | null,
): AsyncGenerator<Finding> {
  const address = registryAddress(config)
  if (address === null) return
  const { url, ca } = address
  const place = placeOfUrl(url, url.startsWith('https:') ? 443 : 80)
  const tls = url.startsWith('https:') ? { ...(ca !== undefined && { ca }) } : (false as const)
  const isReached = yield* endpointFindings('registry', url, { ...place, tls })
  if (!isReached || declaration === null) return
  const registry = await ConfluentSchemas.open(address, { patienceMs: 0 })
  const { events, outputs } = schemasOf(declaration)
  try {
    const ids = await registeredIds(registry, [...events, ...outputs])
    yield good('registry', 'schema', url, `all ${Object.keys(ids).length} schemas are there`)
  } catch (error) {
    const { code } = error as TidemarkError
    const step = code === 'SCHEMA_UNREGISTERED' ? 'schema' : 'auth'
    yield bad('registry', code === 'REGISTRY_UNAVAILABLE' ? 'http' : step, url, error)
  } finally {
    await registry.close()
  }
}

/** Tells each step, and answers whether all of them went well. */
async function* endpointFindings(
  part: Finding['part'],
  subject: string,
  endpoint: Endpoint,
): AsyncGenerator<Finding, boolean> {
  let isReached = true
  for (const { step, ok, text } of await probeEndpoint(endpoint)) {
    // A name or a port may come back; a certificate does not mend itself.
    yield { part, step, subject, ok, text, isLasting: !ok && step === 'tls' }
    isReached = ok
  }
  return isReached
}

function placeOfUrl(url: string, port: number): { readonly host: string; readonly port: number } {
  const parsed = new URL(url)
  const host = parsed.hostname.replace(/^\[|\]$/g, '')
  return { host, port: parsed.port === '' ? port : Number(parsed.port) }
}

function good(part: Finding['part'], step: string, subject: string, text: string): Finding {
  return { part, step, subject, ok: true, text, isLasting: false }
}

function bad(part: Finding['part'], step: string, subject: string, error: unknown): Finding {
  if (!(error instanceof Error)) throw error
  const isLasting = !(error instanceof TidemarkError) || error.retry === 'never'
  const code = error instanceof TidemarkError ? `${error.code}: ` : ''
  return { part, step, subject, ok: false, text: `${code}${error.message}`, isLasting }
}
