import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  engineSettings,
  groupIdOf,
  kafkaConnection,
  nodeOf,
  redisAddress,
  redisNames,
  registryAddress,
} from '../../src/cli/connections.js'
import { oauthTokens } from '../../src/cli/oauth-token.js'
import { loadConfig } from '../../src/config/load-config.js'
import { Secret } from '../../src/config/secret.js'
import { defaultSettings } from '../../src/topology/settings.js'
import { sharedFolder } from '../support/temp-folder.js'

const folder = sharedFolder()
writeFileSync(join(folder, 'a.pem'), 'PEM')

async function configOf(kafka: string, rest = '') {
  const text = `data: d\nkafka: { brokers: [a:9092], ${kafka} }\n${rest}`
  writeFileSync(join(folder, 'tidemark.yaml'), text)
  return (await loadConfig('tidemark.yaml', folder, {})).config
}

describe('a configuration in the words of the adapters', () => {
  it('has nothing but brokers where nothing more is said', async () => {
    const config = await configOf('')
    expect(kafkaConnection(config)).toEqual({
      brokers: ['a:9092'],
      clientId: 'tidemark',
      ssl: false,
    })
    expect(groupIdOf(config, 'shop')).toBe('tidemark-shop')
    expect(redisAddress(config)).toBe(null)
    expect(registryAddress(config)).toBe(null)
    const layout = { app: 'shop', appHash: '0123456789abcdef' }
    expect(redisNames(config, layout)).toEqual({ app: 'shop', generation: '0123456789ab' })
    expect(engineSettings(config)).toEqual(defaultSettings)
  })

  it('has secrets as they are, and the texts of certificates', async () => {
    const config = await configOf(
      'groupId: g, ssl: { ca: a.pem, cert: a.pem, key: a.pem }, ' +
        'sasl: { mechanism: scram-sha-512, username: u, password: p }',
      'redis: { sentinels: ["[::1]:1"], sentinelMaster: m, sentinelPassword: s, username: u, ' +
        'password: p, tls: true, keyPrefix: k }\n' +
        'schemaRegistry: { url: "https://r", auth: { token: t }, ca: a.pem }\n' +
        'limits: { commitAgeMsMax: 7, redisWaitingBytesMax: 2097152 }\n',
    )
    expect(kafkaConnection(config)).toMatchObject({
      ssl: { ca: 'PEM', cert: 'PEM', key: 'PEM' },
      sasl: { mechanism: 'scram-sha-512', username: 'u', password: 'p' },
    })
    expect(groupIdOf(config, 'shop')).toBe('g')
    expect(redisAddress(config)).toEqual({
      sentinels: { name: 'm', nodes: [{ host: '::1', port: 1 }] },
      sentinelPassword: 's',
      username: 'u',
      password: 'p',
      tls: true,
    })
    expect(redisNames(config, { app: 'shop', appHash: '0' })).toMatchObject({ keyPrefix: 'k' })
    expect(registryAddress(config)).toEqual({ url: 'https://r', token: 't', ca: 'PEM' })
    expect(engineSettings(config).commitAgeMsMax).toBe(7)
  })

  it('reads a place as a host and a port', () => {
    expect(nodeOf('cache-1.example:6379')).toEqual({ host: 'cache-1.example', port: 6379 })
  })
})

describe('a token for oauthbearer', () => {
  async function tokenServer(answer: () => { status: number; body: string }) {
    const asked: { authorization: string | undefined; body: string }[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (bytes: Buffer) => (body += bytes.toString()))
      request.on('end', () => {
        asked.push({ authorization: request.headers.authorization, body })
        const { status, body: text } = answer()
        response.writeHead(status).end(text)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    return { asked, url: `http://127.0.0.1:${port}/token` }
  }

  const clientOf = (tokenUrl: string) => ({
    tokenUrl,
    clientId: 'tidemark',
    clientSecret: new Secret('hunter2'),
    scope: 'kafka',
  })

  it('is asked for by client id and secret, and again only when it ends', async () => {
    let now = 0
    const { asked, url } = await tokenServer(() => ({
      status: 200,
      body: JSON.stringify({ access_token: `t${asked.length}`, expires_in: 60 }),
    }))
    const token = oauthTokens(clientOf(url), () => now)
    expect(await token()).toEqual({ value: 't1' })
    expect(await token()).toEqual({ value: 't1' })
    now = 40_000
    expect(await token()).toEqual({ value: 't2' })
    const basic = Buffer.from('tidemark:hunter2').toString('base64')
    expect(asked[0]).toEqual({
      authorization: `Basic ${basic}`,
      body: 'grant_type=client_credentials&scope=kafka',
    })
  })

  it.each([
    [401, '{}', 'OAUTH_REFUSED', 'refuses the client tidemark (HTTP 401)'],
    [500, '{}', 'OAUTH_UNREACHABLE', 'HTTP 500'],
    [200, 'hello', 'OAUTH_UNREACHABLE', 'without an access_token'],
  ])('that is answered with %i %s is %s', async (status, body, code, told) => {
    const { url } = await tokenServer(() => ({ status, body }))
    const error: unknown = await oauthTokens(clientOf(url))().catch((error: unknown) => error)
    expect(error).toMatchObject({ code, message: expect.stringContaining(told) })
    expect(String(error)).not.toContain('hunter2')
  })

  it('whose server is away says so', async () => {
    await expect(oauthTokens(clientOf('http://127.0.0.1:1/token'))()).rejects.toMatchObject({
      code: 'OAUTH_UNREACHABLE',
      exit: 69,
    })
  })
})
