/**
 * The client of a Confluent-compatible registry.
 *
 * Only the part of the package that speaks HTTP is loaded: its index brings the key management of
 * three clouds with it, and costs a second at every start. This module is loaded where a registry is
 * configured, and not before.
 */
import { Agent } from 'node:https'
import { SchemaRegistryClient } from '@confluentinc/schemaregistry/dist/schemaregistry-client.js'

export interface RegistryAddress {
  readonly url: string
  readonly username?: string
  readonly password?: string
  readonly token?: string
  /** PEM of the authorities that are trusted; those of the system without it. */
  readonly ca?: string
}

/** Longest time that an answer may take, in ms. */
const answerMsMax = 5_000

/** `end`: cuts off requests that are under way, and those that wait behind them in the client. */
export function confluentClient(address: RegistryAddress, end: AbortSignal): SchemaRegistryClient {
  const { url, username, password, token, ca } = address
  return new SchemaRegistryClient({
    baseURLs: [url.replace(/\/+$/, '')],
    // Whoever calls retries, and knows for how long.
    maxRetries: 0,
    createAxiosDefaults: {
      timeout: answerMsMax,
      signal: end,
      ...(ca !== undefined && { httpsAgent: new Agent({ ca, keepAlive: true }) }),
      ...(token !== undefined && { headers: { common: { Authorization: `Bearer ${token}` } } }),
    },
    ...(username !== undefined && {
      basicAuthCredentials: {
        credentialsSource: 'USER_INFO',
        userInfo: `${username}:${password ?? ''}`,
      },
    }),
  })
}
