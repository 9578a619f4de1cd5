/** What a configuration says, in the words of the adapters. */
import { type DueSetting, historySettings, orderSettings } from '../log/kafka-topic-plan.js'
import type { ConnectionOptions } from 'node:tls'
import type { Config } from '../config/schema.js'
import type { Topics } from '../log/log.js'
import type { RegistryAddress } from '../schemas/confluent-client.js'
import type { RedisAddress, RedisNode } from '../snapshots/redis-address.js'
import { defaultSettings, type EngineSettings } from '../topology/settings.js'
import { oauthTokens } from './oauth-token.js'

/** How Kafka is reached, as the Kafka client takes it. */
export interface KafkaConnection {
  readonly brokers: string[]
  readonly clientId: string
  readonly ssl: ConnectionOptions | boolean
  readonly sasl?: KafkaSasl
}

export type KafkaSasl =
  | (Login & { readonly mechanism: 'plain' })
  | (Login & { readonly mechanism: 'scram-sha-256' })
  | (Login & { readonly mechanism: 'scram-sha-512' })
  | {
      readonly mechanism: 'oauthbearer'
      readonly oauthBearerProvider: () => Promise<{ value: string }>
    }

interface Login {
  readonly username: string
  readonly password: string
}

export function kafkaConnection({ kafka }: Config): KafkaConnection {
  const { brokers, clientId, ssl, sasl } = kafka
  const tls = typeof ssl === 'boolean' ? ssl : tlsOptions(ssl)
  return {
    brokers: [...brokers],
    clientId,
    ssl: tls,
    ...(sasl !== null && { sasl: saslOptions(sasl) }),
  }
}

function tlsOptions({ ca, cert, key }: Exclude<Config['kafka']['ssl'], boolean>) {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key: key.reveal() }),
  }
}

function saslOptions(sasl: NonNullable<Config['kafka']['sasl']>): KafkaSasl {
  if (sasl.mechanism === 'oauthbearer') {
    return { mechanism: sasl.mechanism, oauthBearerProvider: oauthTokens(sasl) }
  }
  const { mechanism, username } = sasl
  const login = { username, password: sasl.password.reveal() }
  // Each mechanism is a type of its own to the client.
  if (mechanism === 'plain') return { mechanism, ...login }
  if (mechanism === 'scram-sha-256') return { mechanism, ...login }
  return { mechanism, ...login }
}

/** Where Redis is; null: the configuration names none. */
export function redisAddress({ redis }: Config): RedisAddress | null {
  if (redis === null) return null
  const { url, cluster, sentinels, sentinelMaster, sentinelPassword } = redis
  const { username, password, tls } = redis
  return {
    ...(url !== undefined && { url: url.reveal() }),
    ...(cluster !== undefined && { cluster: cluster.map(nodeOf) }),
    ...(sentinels !== undefined && {
      sentinels: { name: sentinelMaster ?? '', nodes: sentinels.map(nodeOf) },
    }),
    ...(sentinelPassword !== undefined && { sentinelPassword: sentinelPassword.reveal() }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: password.reveal() }),
    ...(tls && { tls }),
  }
}

/** Whose keys in Redis are an app's: those of its topics' prefix, and of its declaration. */
export function redisNames(
  { kafka, redis }: Config,
  { app, appHash }: { readonly app: string; readonly appHash: string },
) {
  return {
    app: `${kafka.topicPrefix}${app}`,
    generation: appHash.slice(0, 12),
    ...(redis?.keyPrefix !== undefined && { keyPrefix: redis.keyPrefix }),
  }
}

/** @example nodeOf('[::1]:6379') // { host: '::1', port: 6379 } */
export function nodeOf(place: string): RedisNode {
  const colon = place.lastIndexOf(':')
  const host = place.slice(0, colon).replace(/^\[|\]$/g, '')
  return { host, port: Number(place.slice(colon + 1)) }
}

/** Where the schema registry is; null: the configuration names none. */
export function registryAddress({ schemaRegistry }: Config): RegistryAddress | null {
  if (schemaRegistry === null) return null
  const { url, auth, ca } = schemaRegistry
  return {
    url,
    ...(auth?.username !== undefined && { username: auth.username }),
    ...(auth?.password !== undefined && { password: auth.password.reveal() }),
    ...(auth?.token !== undefined && { token: auth.token.reveal() }),
    ...(ca !== undefined && { ca }),
  }
}

export function engineSettings({ limits, kafka }: Config): EngineSettings {
  const { commitRecordsMax, commitBytesMax, commitAgeMsMax, timersPerCommitMax, hotBytesMax } =
    limits
  return {
    ...defaultSettings,
    commitRecordsMax,
    commitBytesMax,
    commitAgeMsMax,
    timersPerCommitMax,
    hotBytesMax,
    delivery: kafka.delivery,
    lostRange: kafka.lostRange,
  }
}

/** The topics that a log is opened with: that of generations is found when it is asked for. */
export function logTopics(topics: Topics): string[] {
  return Object.values(topics).filter((topic) => topic !== topics.generations)
}

/** The consumer group's name. */
export function groupIdOf({ kafka }: Config, app: string): string {
  return kafka.groupId ?? `tidemark-${app}`
}

/** What the input has to keep: what the brokers delete is in the archive by then, where there is one. */
export function inputHistory({ archive }: Config): readonly DueSetting[] {
  return archive === null ? historySettings : orderSettings
}
