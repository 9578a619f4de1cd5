import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load-config.js'
import { TidemarkError } from '../../src/errors.js'
import { sharedFolder } from '../support/temp-folder.js'

const folder = sharedFolder()
const files = {
  password: 'hunter2\n',
  crlf: 'hunter2\r\n',
  'two-lines': 'hunter2\nhunter3\n',
  empty: '',
  'ca.pem': 'PEM of an authority\n',
}
for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)

type Variables = Record<string, string | undefined>

function load(text: string, environment: Variables = {}) {
  writeFileSync(join(folder, 'tidemark.yaml'), text)
  return loadConfig('tidemark.yaml', folder, environment)
}

async function refused(text: string, environment: Variables = {}): Promise<TidemarkError> {
  try {
    await load(text, environment)
  } catch (error) {
    if (error instanceof TidemarkError) return error
    throw error
  }
  throw new Error('the configuration was taken')
}

const least = 'data: d\nkafka: { brokers: [a:9092] }\n'

/** A file with one more line, and where a fault in it must be told to be. */
function withKafka(line: string): string {
  return `data: d\nkafka:\n  brokers: [a:9092]\n  ${line}\n`
}

describe('a configuration', () => {
  it('needs a directory and a broker, and has everything else by itself', async () => {
    const { config, folder: where } = await load(least)
    expect(where).toBe(folder)
    expect(config.data).toBe(join(folder, 'd'))
    expect(config).toMatchObject({
      app: 'churn',
      kafka: { brokers: ['a:9092'], clientId: 'tidemark', ssl: false, sasl: null },
      redis: null,
      schemaRegistry: null,
      http: { host: '127.0.0.1', port: 8080 },
      limits: { commitRecordsMax: 10_000, commitAgeMsMax: 100 },
    })
    expect(config.kafka.delivery).toBe('exactlyOnce')
  })

  it('may be JSON, which is YAML too', async () => {
    const { config } = await load('{"data": "d", "kafka": {"brokers": ["a:1", "[::1]:2"]}}')
    expect(config.kafka.brokers).toEqual(['a:1', '[::1]:2'])
  })

  it('takes the environment over the file, each by its kind', async () => {
    const { config } = await load(`${least}http: { port: 1 }\n`, {
      TIDEMARK_KAFKA_BROKERS: 'b:1, c:2',
      TIDEMARK_KAFKA_SSL: 'true',
      TIDEMARK_KAFKA_SASL_MECHANISM: 'plain',
      TIDEMARK_KAFKA_SASL_USERNAME: '123',
      TIDEMARK_KAFKA_SASL_PASSWORD: 'true',
      TIDEMARK_HTTP_PORT: '9000',
      TIDEMARK_LIMITS_COMMIT_AGE_MS_MAX: '50',
    })
    expect(config.kafka.brokers).toEqual(['b:1', 'c:2'])
    expect(config.kafka.ssl).toBe(true)
    expect(config.kafka.sasl).toMatchObject({ mechanism: 'plain', username: '123' })
    expect(config.http.port).toBe(9000)
    expect(config.limits.commitAgeMsMax).toBe(50)
  })

  it('takes files for certificates and for any secret, without the break at their end', async () => {
    const { config } = await load(
      withKafka(
        'ssl: { ca: ca.pem }\n  sasl: { mechanism: plain, username: u, password: { file: password } }',
      ),
      { TIDEMARK_REDIS_CLUSTER: 'r:1', TIDEMARK_REDIS_PASSWORD_FILE: 'password' },
    )
    expect(config.kafka.ssl).toEqual({ ca: 'PEM of an authority\n' })
    const { sasl } = config.kafka
    expect(sasl?.mechanism === 'plain' && sasl.password.reveal()).toBe('hunter2')
    expect(config.redis?.password?.reveal()).toBe('hunter2')
  })

  it('puts variables of any name where the file asks for them', async () => {
    const text = `${least}redis: { url: 'redis://app:\${CACHE_PASSWORD}@cache' }\n`
    const { config } = await load(text, { CACHE_PASSWORD: 'hunter2' })
    expect(config.redis?.url?.reveal()).toBe('redis://app:hunter2@cache')
  })

  it('shows no secret, however it is printed', async () => {
    const { config } = await load(
      `${withKafka('sasl: { mechanism: plain, username: u, password: hunter2 }')}redis: { url: 'redis://app:hunter2@cache:1' }\n`,
    )
    const printed = [
      JSON.stringify(config),
      inspect(config, { depth: 9 }),
      String(config.redis?.url),
    ]
    for (const text of printed) expect(text).not.toContain('hunter2')
    expect(printed[0]).toContain('redis://app:***@cache:1')
  })

  it('reads empty sections as absent options', async () => {
    expect((await load(`${least}redis:\nschemaRegistry:\n`)).config.redis).toBe(null)
  })
})

const syntax: [text: string, told: string][] = [
  ['kafka: [a', ':1:10: '],
  ['data: d\ndata: e\n', ':2:1: Map keys must be unique'],
  ['data: d\n\tkafka: 1\n', ':2:1: '],
  ['data: *none\n', ':1:'],
  ['data: !!js/function "x"\n', ':1:7: Unresolved tag'],
  ['data: d\n---\ndata: e\n', 'there is more than one document'],
  ['['.repeat(20_000), 'it is nested too deep'],
]

describe('a file that is no YAML', () => {
  it.each(syntax)('%j is told by line and column', async (text, told) => {
    const error = await refused(text)
    expect(error.code).toBe('CONFIG_SYNTAX')
    expect(error.exit).toBe(78)
    expect(error.message).toContain(told)
  })

  it('is shown at the place of its fault', async () => {
    const { message } = await refused('data: d\nkafka: {brokers: [a:1}\n')
    expect(message).toContain('\n  kafka: {brokers: [a:1}\n')
  })

  const leaks: string[] = [
    'redis:\n  password: hunter2: secret\n',
    'redis:\n  password: @hunter2secret\n',
    'redis:\n  password: a\n  password: hunter2secret\n',
    'redis:\n  password: *hunter2secret\n',
    'redis:\n  url: redis://u:hunter2@h:1: x\n',
    'kafka: { sasl: { mechanism: plain, password: hunter2: x } }\n',
    'kafka:\n  brokers: @u:hunter2@h\n',
    'redis:\n  password: "a\n  hunter2secret\n  @: {',
    'data: !!js/function "x"\nredis:\n  password: *hunter2\n',
  ]

  it.each(leaks)('%j is refused without its secret', async (text) => {
    const error = await refused(text)
    expect(error.code).toBe('CONFIG_SYNTAX')
    expect(error.message).not.toContain('hunter2')
  })

  it('that never ends is not read to its end', async () => {
    const error = await loadConfig('/dev/zero', folder, {}).catch((raised: unknown) => raised)
    expect(error).toMatchObject({ code: 'CONFIG_SYNTAX', exit: 78 })
  })

  it('that is not there is told by its path', async () => {
    await expect(loadConfig('absent.yaml', folder, {})).rejects.toMatchObject({
      code: 'CONFIG_MISSING',
      exit: 78,
    })
  })
})

/** Text, what is told, and the environment. */
const faults: [text: string, told: string, environment?: Variables][] = [
  ['', 'data: it is missing: a directory is due'],
  ['', 'kafka: it is missing: a mapping is due'],
  ['[a]', 'a mapping of options is due'],
  ['kafka: 7', 'line 1: kafka: a mapping is due, not 7'],
  ['kafka: { brokers: [] }', 'kafka.brokers: one host:port or more is due, not an empty list'],
  ['kafka: { brokers: a:9092 }', 'kafka.brokers: a list of host:port is due, not "a:9092"'],
  ['kafka: { brokers: [a:9092, b] }', 'kafka.brokers.1: host:port is due, not "b"'],
  ['kafka: { brokers: ["a:99999"] }', 'kafka.brokers.0: host:port is due'],
  ['kafka: { brokers: ["kafka://a:1"] }', 'kafka.brokers.0: host:port is due'],
  [
    withKafka('clientID: x'),
    'line 4: kafka.clientID: there is no such option: did you mean clientId?',
  ],
  [withKafka('clientId: a b'), 'line 4: kafka.clientId: a name of letters'],
  [withKafka('delivery: twice'), 'kafka.delivery: exactlyOnce or atLeastOnce is due, not "twice"'],
  [withKafka('ssl: yes'), 'kafka.ssl: true, false or a mapping is due, not "yes"'],
  [withKafka('ssl: { ca: none.pem }'), 'none.pem cannot be read: it does not exist'],
  [withKafka('ssl: { ca: . }'), 'cannot be read: the system says EISDIR'],
  [withKafka('ssl: { ca: empty }'), 'empty is empty'],
  [withKafka('ssl: { cert: ca.pem }'), 'kafka.ssl.key: it is missing: cert needs it'],
  [
    withKafka('ssl: { cart: ca.pem }'),
    'kafka.ssl.cart: there is no such option: did you mean cert?',
  ],
  [withKafka('sasl: { mechanism: gssapi }'), 'kafka.sasl.mechanism: one of the mechanisms plain'],
  [withKafka('sasl: { mechanism: plain }'), 'kafka.sasl.username: it is missing: a user is due'],
  [
    withKafka('sasl: { mechanism: oauthbearer, tokenUrl: "ftp://a" }'),
    'kafka.sasl.tokenUrl: an address that begins with https:// or http:// is due',
  ],
  [
    withKafka('sasl: { mechanism: plain, username: u, password: 7 }'),
    'kafka.sasl.password: a password is due, not what is there (a number)',
  ],
  [
    withKafka('sasl: { mechanism: plain, username: u, password: { file: crlf } }'),
    'kafka.sasl.password: the secret has a carriage return',
  ],
  [
    withKafka('sasl: { mechanism: plain, username: u, password: { file: two-lines } }'),
    'kafka.sasl.password: the secret has more than one line',
  ],
  [
    withKafka('sasl: { mechanism: plain, username: u, password: "${ABSENT}" }'),
    'line 4: kafka.sasl.password: the environment variable ABSENT is not set',
  ],
  [
    withKafka('sasl: { mechanism: plain, username: u }'),
    'TIDEMARK_KAFKA_SASL_PASSWORD: kafka.sasl.password: the secret has a carriage return',
    { TIDEMARK_KAFKA_SASL_PASSWORD: 'hunter2\r' },
  ],
  [
    withKafka('sasl: { mechanism: plain, username: u }'),
    'TIDEMARK_KAFKA_SASL_PASSWORD and its _FILE are both set',
    { TIDEMARK_KAFKA_SASL_PASSWORD: 'a', TIDEMARK_KAFKA_SASL_PASSWORD_FILE: 'password' },
  ],
  [withKafka('heartbeatMs: 10000'), 'kafka.heartbeatMs: 10000 is not below sessionMs, 10000'],
  [withKafka('transactionMs: 900001'), 'a whole number from 1000 to 900000 is due, not 900001'],
  [withKafka('sessionMs: -1'), 'kafka.sessionMs: a whole number from 1000 to 1800000 is due'],
  [`${least}redis: {}`, 'redis: one of url, cluster and sentinels is due, not none of them'],
  [
    `${least}redis: { url: "redis://a", cluster: ["b:1"] }`,
    'redis: one of url, cluster and sentinels is due, not url and cluster',
  ],
  [`${least}redis: { url: "http://a" }`, 'redis.url: an address that begins with redis://'],
  [`${least}redis: { sentinels: ["a:1"] }`, 'redis.sentinelMaster: it is missing: sentinels'],
  [`${least}redis: { cluster: ["a:1"], username: u }`, 'redis.password: it is missing: username'],
  [
    `${least}schemaRegistry: { url: "http://a", auth: { username: u } }`,
    'schemaRegistry.auth: username and password are due, or token alone',
  ],
  [`${least}schemaRegistry: { url: "http://u:p@a" }`, 'auth is the place for them'],
  [`${least}redis: redis://u:hunter2@h`, 'redis: a mapping is due, not what is there (a string)'],
  [withKafka('sasl: hunter2secret'), 'oauthbearer is due, not what is there (a string)'],
  [
    'data: d\nkafka: { brokers: ["u:hunter2@h:x"] }',
    'kafka.brokers.0: host:port is due, not "***@h:x"',
  ],
  [
    withKafka(
      'sasl: { mechanism: oauthbearer, tokenUrl: "http://u:hunter2@a", clientId: i, clientSecret: s }',
    ),
    'kafka.sasl.tokenUrl: user and password are no part of it: clientId with clientSecret is',
  ],
  [
    withKafka('sasl: { mechanism: plain, username: u, password: "${EMPTY}" }'),
    'kafka.sasl.password: the environment variable EMPTY is empty',
    { EMPTY: '' },
  ],
  [
    least,
    'the environment variable TIDEMARK_REDIS sets nothing: there is one for each option below',
    { TIDEMARK_REDIS: '{"url":"redis://u:hunter2@h"}' },
  ],
  [`${least}http: { port: .nan }`, 'http.port: a whole number from 0 to 65535 is due, not NaN'],
  [`${least}http: { port: 65536 }`, 'http.port: a whole number from 0 to 65535 is due, not 65536'],
  [`${least}http: { port: 1.5 }`, 'http.port: a whole number from 0 to 65535 is due, not 1.5'],
  [
    least,
    'TIDEMARK_HTTP_PORT: http.port: a whole number from 0 to 65535 is due, not "eighty"',
    { TIDEMARK_HTTP_PORT: 'eighty' },
  ],
  [
    least,
    'TIDEMARK_KAFKA_BROKER sets nothing: did you mean TIDEMARK_KAFKA_BROKERS?',
    { TIDEMARK_KAFKA_BROKER: 'a:1' },
  ],
  [`${least}limits: { commitAgeMsMax: 6000 }`, 'limits.commitAgeMsMax: 6000 is above half'],
  [`${least}limits: { hotBytesMax: 0 }`, 'limits.hotBytesMax: a whole number from'],
  [`${least}windows: 1`, 'line 3: windows: there is no such option'],
  [`${least}__proto__: { a: 1 }`, '__proto__: there is no such option'],
]

describe('a configuration with a fault', () => {
  it.each(faults)('%j is refused: %s', async (text, told, environment = {}) => {
    const error = await refused(text, environment)
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.exit).toBe(78)
    expect(error.message).toContain(told)
    expect(error.message).not.toContain('hunter')
  })

  it('tells all of them at once', async () => {
    const text = 'kafka: { brokers: [b], heartbeatMs: 20000, sesionMs: 1 }\nhttp: { port: -1 }\n'
    const { message } = await refused(text, { TIDEMARK_REDIS_TLS: 'maybe' })
    const told = [
      'has 7 faults',
      'data: it is missing',
      'kafka.brokers.0: host:port',
      'kafka.sesionMs: there is no such option: did you mean sessionMs?',
      'kafka.heartbeatMs: 20000 is not below',
      'http.port: a whole number',
      'TIDEMARK_REDIS_TLS: redis.tls: true or false is due, not "maybe"',
      'redis: one of url',
    ]
    for (const text of told) expect(message).toContain(text)
  })

  it('leaves alone what an orchestrator puts into the environment', async () => {
    const environment = {
      TIDEMARK_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
      TIDEMARK_SERVICE_HOST: 'x',
    }
    await expect(load(least, environment)).resolves.toBeDefined()
  })
})
