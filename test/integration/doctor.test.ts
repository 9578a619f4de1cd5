/** The doctor among real servers, each with one thing wrong. */
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { AclEntry } from 'kafkajs'
import { doctorCommand } from '../../src/cli/doctor.js'
import type { Finding } from '../../src/cli/doctor-checks.js'
import { runProgram } from '../../src/cli/program.js'
import { schemasCommand } from '../../src/cli/schemas.js'
import { topicsCommand } from '../../src/cli/topics.js'
import { topicsOf } from '../../src/log/log.js'
import { TestIo } from '../cli/io.js'
import { RedisServer } from '../support/redis-server.js'
import { RegistryServer } from '../support/registry-server.js'
import { kafkajs } from '../support/kafka-place.js'
import { kafkaBrokers } from '../support/shared-broker.js'
import { SecuredBroker } from '../support/secured-broker.js'
import { sharedFolder } from '../support/temp-folder.js'
import { unsteadyHttp } from '../support/unsteady-http.js'

const folder = sharedFolder()
const pem = 'test/fixtures/tls/server.pem'
writeFileSync(join(folder, 'ca.pem'), readFileSync(pem))

async function doctor(text: string) {
  writeFileSync(join(folder, 'tidemark.yaml'), text)
  const io = new TestIo(false, folder)
  const args = ['doctor', '--config', 'tidemark.yaml']
  const exit = await runProgram([...args, '--json'], io, [doctorCommand])
  const { findings } = JSON.parse(io.stdout) as { findings: Finding[] }
  const told = (part: string) =>
    findings
      .filter((finding) => finding.part === part)
      .map(({ step, ok, text }) => `${step} ${ok ? 'ok' : 'FAILED'} ${text}`)
  return { exit, findings, told, stderr: io.stderr }
}

/** The secured broker is the only one. */
const eventsTold = 'topic ok 3 partitions; one copy: what is in it is lost with its broker'
const withKafka = (places: string, more = '') => `data: d\nkafka: { brokers: [${places}] }\n${more}`

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as { port: number }).port
}

/** A server that ends every connection at once. */
const closing = () => listening(createServer((socket) => socket.destroy()))

/** Speaks TLS with the certificate of localhost, and nothing behind it. */
function secured(): Promise<number> {
  const key = readFileSync('test/fixtures/tls/server.key')
  const server = createTlsServer({ cert: readFileSync(pem), key }, (socket) => {
    socket.on('error', () => undefined)
    socket.end()
  })
  return listening(server)
}

describe('the way to a broker', () => {
  test('ends at a name that is no name', async () => {
    const { told, exit } = await doctor(withKafka('kafka.invalid:9092'))
    expect(told('kafka')).toEqual([
      expect.stringMatching(/^dns FAILED kafka.invalid has no address/),
    ])
    expect(exit).toBe(69)
  })

  test('ends at a port where nothing listens, and goes on with the other broker', async () => {
    const { told } = await doctor(withKafka(`127.0.0.1:1, 127.0.0.1:${await closing()}`))
    expect(told('kafka').slice(0, 2)).toEqual([
      'dns ok 127.0.0.1 is 127.0.0.1',
      'tcp FAILED 127.0.0.1:1: nothing listens there (ECONNREFUSED)',
    ])
    expect(told('kafka').at(-1)).toMatch(/^sasl FAILED the broker ends the connection .*kafka\.ssl/)
  })

  test('ends at TLS where the server has none, and at a certificate of nobody', async () => {
    const plain = await doctor(
      `data: d\nkafka: { brokers: ["127.0.0.1:${await closing()}"], ssl: true }`,
    )
    expect(plain.told('kafka').at(-1)).toMatch(/^tls FAILED .*does it speak TLS at all\?$/)
    expect(plain.exit).toBe(78)
    const port = await secured()
    const unknown = await doctor(`data: d\nkafka: { brokers: ["localhost:${port}"], ssl: true }`)
    expect(unknown.told('kafka').at(-1)).toMatch(/^tls FAILED .*name its authority in ca$/)
    const known = `data: d\nkafka: { brokers: ["localhost:${port}"], ssl: { ca: ca.pem } }`
    expect((await doctor(known)).told('kafka')[2]).toMatch(/^tls ok TLSv1.3 with localhost/)
    const other = `data: d\nkafka: { brokers: ["127.0.0.1:${port}"], ssl: { ca: ca.pem } }`
    expect((await doctor(other)).told('kafka').at(-1)).toMatch(/certificate is of another name$/)
  })
})

test('topics that a worker would refuse are told, with the command that mends them', async () => {
  const brokers = await kafkaBrokers()
  const prefix = `d${randomUUID().slice(0, 8)}-`
  const text = `data: d\nkafka: { brokers: [${brokers.join()}], topicPrefix: ${prefix} }\n`
  writeFileSync(join(folder, 'tidemark.yaml'), text)
  const args = ['topics', 'create', '--config', 'tidemark.yaml', '--partitions', '1']
  expect(await runProgram(args, new TestIo(false, folder), [topicsCommand])).toBe(0)
  const told = async () => (await doctor(text)).told('kafka').at(-1)
  // A broker that has just started loads its coordinators first, and doctor says so.
  await expect.poll(told).toBe('topic ok the settings of all topics will do')
  const admin = kafkajs(brokers).admin()
  await admin.connect()
  const configEntries = [{ name: 'cleanup.policy', value: 'delete' }]
  const resources = [{ type: 2, name: `${prefix}churn.state`, configEntries }]
  await admin.alterConfigs({ validateOnly: false, resources })
  await admin.disconnect()
  await expect.poll(told).toContain('FAILED')
  expect(await told()).toContain(`--entity-name ${prefix}churn.state --add-config`)
}, 300_000)

describe('a broker with users', () => {
  const topics = Object.values(topicsOf('churn'))
  let broker: SecuredBroker
  beforeAll(async () => {
    broker = await SecuredBroker.start({ tidemark: 'right', stranger: 'right' })
    const admin = broker.administrator.admin()
    await admin.connect()
    const partitions = (topic: string) => (topic === 'churn.late' ? 2 : 3)
    const made = topics.filter((topic) => topic !== 'churn.scores')
    await admin.createTopics({
      topics: made.map((topic) => ({ topic, numPartitions: partitions(topic) })),
      waitForLeaders: false,
    })
    const acl = (resourceType: number, resourceName: string, operation: number): AclEntry => ({
      resourceType,
      resourceName,
      resourcePatternType: 3,
      principal: 'User:tidemark',
      host: '*',
      operation,
      permissionType: 3,
    })
    // Topics that begin with churn. but for one, which is a name of its own; the group.
    const seen = topics.filter((topic) => topic !== 'churn.rejects')
    await admin.createAcls({
      acl: [...seen.map((topic) => acl(2, topic, 8)), acl(3, 'tidemark-churn', 3)],
    })
    await admin.disconnect()
    // What the controller was told the broker knows a moment later.
    const eventsTopic = async () => (await doctor(config('tidemark', 'right'))).told('kafka')[3]
    while ((await eventsTopic()) !== eventsTold) await sleep(100)
  }, 300_000)
  afterAll(() => broker?.stop())

  const config = (user: string, password: string, mechanism = 'plain') =>
    `data: d\nkafka:\n  brokers: ["127.0.0.1:${broker.port}"]\n` +
    `  sasl: { mechanism: ${mechanism}, username: ${user}, password: ${password} }\n`

  test('is entered by a user who may see topics and group; what is wrong with them is told', async () => {
    const { findings, told, exit } = await doctor(config('tidemark', 'right'))
    expect(told('kafka').slice(2, 4)).toEqual(['sasl ok let in, of 1 brokers', eventsTold])
    const failed = findings
      .filter(({ ok }) => !ok)
      .map(({ step, subject, text }) => [step, subject, text])
    expect(failed).toEqual([
      ['topic', 'churn.scores', 'there is no such topic; tidemark topics create makes it'],
      [
        'acl',
        'churn.rejects',
        'not for this user: kafka-acls.sh --add --allow-principal User:tidemark ' +
          '--operation Describe --operation Read --operation Write --topic churn.rejects',
      ],
      ['topic', 'churn.late', '2 partitions; 3 are due, as churn.events has'],
    ])
    expect(told('kafka').at(-1)).toBe('acl ok 0 members now')
    expect(exit).toBe(78)
  })

  test('tells a user who may see nothing so', async () => {
    const { findings } = await doctor(config('stranger', 'right'))
    const failed = findings.filter(({ ok }) => !ok)
    expect(new Set(failed.map(({ step }) => step))).toEqual(new Set(['acl']))
    expect(failed.at(-1)).toMatchObject({ subject: 'group tidemark-churn' })
    expect(failed.at(-1)?.text).toContain('User:stranger --operation Read --group tidemark-churn')
  })

  test.each([
    ['a wrong password', () => config('tidemark', 'wrong'), /^sasl FAILED .*(failed|Invalid)/],
    [
      'another mechanism',
      () => config('tidemark', 'right', 'scram-sha-256'),
      /^sasl FAILED .*mechanism/,
    ],
    ['no user at all', () => withKafka(`"127.0.0.1:${broker.port}"`), /^sasl FAILED .*kafka\.sasl/],
  ])('does not let in %s', async (_, text, told) => {
    const { findings, told: lines, exit, stderr } = await doctor(text())
    expect(lines('kafka').at(-1)).toMatch(told)
    expect(JSON.stringify(findings) + stderr).not.toMatch(/wrong(?! )/)
    expect(exit).toBe(78)
  })
})

describe('a command that is not let in', () => {
  let broker: SecuredBroker
  beforeAll(async () => {
    broker = await SecuredBroker.start({ tidemark: 'right' })
  }, 300_000)
  afterAll(() => broker?.stop())

  test('ends with 69 and says which step failed, and no password', async () => {
    const io = new TestIo(false, folder)
    const kafka = `brokers: ["127.0.0.1:${broker.port}"]`
    const sasl = '{ mechanism: plain, username: tidemark, password: hunter2 }'
    writeFileSync(join(folder, 'tidemark.yaml'), `data: d\nkafka: { ${kafka}, sasl: ${sasl} }\n`)
    const args = ['topics', 'create', '--config', 'tidemark.yaml', '--partitions', '1']
    expect(await runProgram(args, io, [topicsCommand])).toBe(69)
    expect(io.stderr).toMatch(/KAFKA_UNREACHABLE: .*SASL PLAIN authentication failed/)
    expect(io.stderr).not.toContain('hunter2')
  }, 60_000)
})

describe('a Redis', () => {
  const config = (url: string, more = '') =>
    withKafka('"127.0.0.1:1"', `redis: { url: '${url}'${more} }\n`)

  test('that is well is written, and nothing is left behind', async () => {
    const redis = await RedisServer.start()
    const { told } = await doctor(config(redis.url, ', keyPrefix: team'))
    expect(told('redis').slice(2)).toEqual([
      'auth ok let in',
      'policy ok drops no keys of ours',
      'acl ok may write team:churn:*, also in scripts',
    ])
    expect(await redis.admin.keys('*')).toEqual([])
  })

  test.each([
    ['scripts', '-eval -evalsha -script'],
    ['a command in scripts', '-lpush'],
    ['looking for keys', '-scan'],
  ])(
    'whose user has all rights but %s is told of, and is no Redis that is away',
    async (_, rules) => {
      const redis = await RedisServer.start()
      const given = ['on', '>right', '~*', '&*', '+@all', ...rules.split(' ')]
      await redis.admin.call('ACL', 'SETUSER', 'half', ...given)
      const url = redis.url.replace('//', '//half:right@')
      const { told } = await doctor(config(url))
      expect(told('redis').at(-1)).toMatch(/^acl FAILED REDIS_REFUSED/)
      expect(await redis.admin.keys('*')).toEqual([])
    },
  )

  test('that wants a password, drops keys, or takes no writes, says which', async () => {
    const closed = await RedisServer.start()
    await closed.admin.config('SET', 'requirepass', 'right')
    const wrong = await doctor(config(closed.url.replace('//', '//:wrong@')))
    expect(wrong.told('redis').at(-1)).toMatch(/^auth FAILED REDIS_REFUSED/)
    expect(wrong.findings.map(({ text }) => text).join()).not.toContain('wrong')
    const flags = ['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru']
    const evicting = await RedisServer.start({ flags })
    expect((await doctor(config(evicting.url))).told('redis')[3]).toMatch(
      /^policy FAILED drops keys .*set maxmemory-policy noeviction$/,
    )
    const replica = await RedisServer.start({
      flags: ['--replicaof', '127.0.0.1', String(evicting.port)],
    })
    const told = (await doctor(config(replica.url))).told('redis')
    expect(told.at(-1)).toMatch(/^acl FAILED REDIS_(READ_ONLY|UNAVAILABLE)/)
  })
})

describe('a schema registry', () => {
  let server: RegistryServer
  beforeAll(async () => {
    server = await RegistryServer.start()
  }, 300_000)
  afterAll(() => server?.stop())

  const config = (url: string) => withKafka('"127.0.0.1:1"', `schemaRegistry: { url: '${url}' }\n`)

  test('has all schemas once they are registered', async () => {
    const before = await doctor(config(server.url))
    expect(before.told('registry').at(-1)).toMatch(
      /^schema FAILED SCHEMA_UNREGISTERED: .*tidemark schemas register/,
    )
    const io = new TestIo(false, folder)
    const args = ['schemas', 'register', '--config', 'tidemark.yaml']
    expect(await runProgram(args, io, [schemasCommand])).toBe(0)
    const after = await doctor(config(server.url))
    expect(after.told('registry').at(-1)).toBe('schema ok all 8 schemas are there')
  })

  test('that lets nobody in, or is none, says which', async () => {
    const unsteady = await unsteadyHttp(server.url)
    unsteady.mood = { page: 401 }
    expect((await doctor(config(unsteady.url))).told('registry').at(-1)).toMatch(
      /^auth FAILED REGISTRY_REFUSED/,
    )
    unsteady.mood = { page: 200 }
    expect((await doctor(config(unsteady.url))).told('registry').at(-1)).toMatch(
      /^http FAILED REGISTRY_UNAVAILABLE/,
    )
  })
})

describe('what is near', () => {
  test('an app that is not there and a directory that cannot be are told, and the rest goes on', async () => {
    const { findings } = await doctor(
      'app: nowhere\ndata: ca.pem/d\nkafka: { brokers: ["127.0.0.1:1"] }',
    )
    const failed = findings.filter(({ ok }) => !ok)
    expect(failed.map(({ part, step }) => `${part} ${step}`)).toEqual([
      'data write',
      'app load',
      'kafka tcp',
    ])
  })

  test('findings are lines for a person', async () => {
    writeFileSync(join(folder, 'tidemark.yaml'), withKafka('"127.0.0.1:1"'))
    const io = new TestIo(false, folder)
    const args = ['doctor', '--config', 'tidemark.yaml']
    expect(await runProgram(args, io, [doctorCommand])).toBe(69)
    expect(io.stdout).toContain('kafka     tcp    FAILED 127.0.0.1:1: 127.0.0.1:1: nothing listens')
    expect(io.stderr).toContain('tidemark: DOCTOR_FOUND: 1 of 4 checks failed')
  })
})
