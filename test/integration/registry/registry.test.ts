/** The adapter against a real registry, and against one that fails in the ways that servers do. */
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { firstValueFrom, of, toArray } from 'rxjs'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { loadApp } from '../../../src/cli/load-app.js'
import { runProgram } from '../../../src/cli/program.js'
import { schemasCommand } from '../../../src/cli/schemas.js'
import { AvroCodec } from '../../../src/events/avro-codec.js'
import { envelopeFields } from '../../../src/events/envelope.js'
import { subjectOf } from '../../../src/events/schema-ids.js'
import type { AvroField, AvroRecordSchema } from '../../../src/events/schema-types.js'
import { decode, type RecordBatch } from '../../../src/operators/decode.js'
import { type ConfluentOptions, ConfluentSchemas } from '../../../src/schemas/confluent-schemas.js'
import { registerAll, registeredIds } from '../../../src/schemas/registered-ids.js'
import { TestIo } from '../../cli/io.js'
import { schemasConformance } from '../../conformance/schemas.js'
import { RegistryServer } from '../../support/registry-server.js'
import { tempFolder } from '../../support/temp-folder.js'
import { unsteadyHttp } from '../../support/unsteady-http.js'

let server: RegistryServer
beforeAll(async () => {
  server = await RegistryServer.start()
}, 300_000)
afterAll(() => server?.stop())

const quick = { pauseMsMax: 100, doubtMs: 20 }

async function connected(url: string, options: ConfluentOptions = quick) {
  const registry = await ConfluentSchemas.open({ url }, options)
  onTestFinished(() => registry.close())
  return registry
}

schemasConformance('schemas in a real registry', () =>
  ConfluentSchemas.open({ url: server.url }, quick),
)

const visit = (namespace: string, ...fields: AvroField[]): AvroRecordSchema => ({
  type: 'record',
  name: 'visit',
  namespace,
  fields: [...envelopeFields, ...fields],
})

const ownNamespace = () => `test_${randomUUID().replaceAll('-', '')}`
const envelope = { event_id: 'e', customer_id: 'c', occurred_at: 1_700_000_000_000, source: null }

/** The old schema of a producer, and the one that the app has now: all that Avro can resolve. */
function generations() {
  const namespace = ownNamespace()
  const first = visit(
    namespace,
    { name: 'seconds', type: 'int' },
    { name: 'gone', type: 'string', default: '' },
  )
  const second = visit(
    namespace,
    { name: 'duration', type: 'double', aliases: ['seconds'] } as AvroField,
    { name: 'page', type: ['null', 'string'], default: null },
  )
  return { first, second, subject: subjectOf(first) }
}

const batchOf = (...values: Buffer[]): RecordBatch => ({
  records: values.map((value, offset) => ({
    key: Buffer.from('c'),
    value,
    timestamp: envelope.occurred_at,
    headers: null,
    offset,
  })),
  endOffset: values.length,
  tick: null,
  atEnd: true,
  bytes: 0,
})

describe('writers and readers of different versions', () => {
  test('a new field has its default, a removed one is left out, an alias renames, an int widens', async () => {
    const { first, second, subject } = generations()
    const registry = await connected(server.url)
    const id = await registry.register(subject, first)
    const old = new AvroCodec({ visit: first }, { [id]: { subject, version: 1, schema: first } })
    const bytes = old.encode('visit', { ...envelope, seconds: 90, gone: 'x' })

    const newest = await registry.register(subject, second)
    const ids = await registeredIds(registry, [second])
    expect(Object.keys(ids)).toEqual([String(newest)])
    const current = new AvroCodec({ visit: second }, ids, await connected(server.url))
    const own = current.encode('visit', { ...envelope, duration: 1.5, page: '/' })
    const [batch] = await firstValueFrom(of(batchOf(bytes, own)).pipe(decode(current), toArray()))
    expect(batch.items.map(({ body }) => body)).toEqual([
      { ...envelope, duration: 90, page: null },
      { ...envelope, duration: 1.5, page: '/' },
    ])
    expect(batch.items[0].schemaId).toBe(id)
  })

  test('an id that nobody gave is refused; one of another app, or of no record, too', async () => {
    const { second, subject } = generations()
    const registry = await connected(server.url)
    await registry.register(subject, second)
    const foreign = visit(ownNamespace())
    const foreignId = await registry.register(subjectOf(foreign), foreign)
    const { namespace } = second
    const incompatible = visit(namespace!, { name: 'seconds', type: 'string' })
    await registry.allowAnyChange(subject)
    const incompatibleId = await registry.register(subject, incompatible)
    const nested = visit(namespace!, { name: 'list', type: { type: 'array', items: 'null' } })
    const nestedId = await registry.register(subject, nested)

    const ids = await registeredIds(registry, [second])
    const codec = new AvroCodec({ visit: second }, ids, registry)
    const values = [1_999_999_999, foreignId, incompatibleId, nestedId].map((id) => {
      const value = codec.encode('visit', { ...envelope, duration: 1, page: null })
      value.writeUInt32BE(id, 1)
      return value
    })
    const [batch] = await firstValueFrom(of(batchOf(...values)).pipe(decode(codec), toArray()))
    expect(batch.items.map(({ reject }) => reject?.code)).toEqual([
      'SCHEMA_UNKNOWN',
      'TYPE_UNKNOWN',
      'SCHEMA_INCOMPATIBLE',
      'SCHEMA_INCOMPATIBLE',
    ])
    expect(batch.items[2].reject?.reason).toContain(`schema ${incompatibleId} cannot be read`)
    expect(batch.items[3].reject?.reason).toContain('field list is nested')
  })
})

describe('a registry that is away', () => {
  test.each(['broken', 'rude', { page: 200 }, { page: 404 }, { page: 503 }] as const)(
    'and %j makes a batch wait, and no record is refused',
    async (mood) => {
      const { first, subject } = generations()
      const id = await (await connected(server.url)).register(subject, first)
      const unsteady = await unsteadyHttp(server.url)
      const notes: string[] = []
      const registry = await connected(unsteady.url, {
        ...quick,
        note: (text) => void notes.push(text),
      })
      const schemas = { 1: { subject, version: 1, schema: first } }
      const codec = new AvroCodec({ visit: first }, schemas, registry)
      const value = codec.encode('visit', { ...envelope, seconds: 1, gone: '' })
      value.writeUInt32BE(id, 1)

      unsteady.mood = mood
      let isDone = false
      const decoding = firstValueFrom(of(batchOf(value)).pipe(decode(codec)))
      void decoding.then(() => (isDone = true))
      await expect.poll(() => unsteady.requests, { timeout: 10_000 }).toBeGreaterThan(4)
      expect(isDone).toBe(false)
      expect(registry.status().failure).toBe('REGISTRY_UNAVAILABLE')
      unsteady.mood = 'well'
      expect((await decoding).items[0]).toMatchObject({ outcome: 'pending', schemaId: id })
      expect(registry.status()).toEqual({ failure: null, schemas: 1 })
      expect(notes[0]).toContain('REGISTRY_UNAVAILABLE: the schema registry at http://127.0.0.1')
      expect(notes.at(-1)).toContain('back again')
    },
  )

  test.each(['rude', 'silent'] as const)('and %s is not waited for behind a stop', async (mood) => {
    const unsteady = await unsteadyHttp(server.url)
    unsteady.mood = mood
    const registry = await connected(unsteady.url)
    const asked = registry.byIds([7])
    await expect.poll(() => unsteady.requests).toBeGreaterThan(0)
    const stopMs = Date.now()
    await registry.close()
    await expect(asked).rejects.toMatchObject({ code: 'STOPPED' })
    expect(Date.now() - stopMs).toBeLessThan(1_000)
  })

  test('ends what does not wait for ever, with the reason', async () => {
    const registry = await connected('http://127.0.0.1:1', { patienceMs: 300 })
    await expect(registry.versions('a')).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      exit: 69,
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })

  test('that does not know us is told at once', async () => {
    const unsteady = await unsteadyHttp(server.url)
    unsteady.mood = { page: 401 }
    const registry = await connected(unsteady.url)
    await expect(registry.byIds([7])).rejects.toMatchObject({ code: 'REGISTRY_REFUSED', exit: 78 })
    expect(unsteady.requests).toBe(1)
  })
})

test('an id is asked for once, however many records and batches have it', async () => {
  const { first, second, subject } = generations()
  const id = await (await connected(server.url)).register(subject, first)
  const unsteady = await unsteadyHttp(server.url)
  const registry = await connected(unsteady.url)
  const old = new AvroCodec({ visit: first }, { [id]: { subject, version: 1, schema: first } })
  const bytes = old.encode('visit', { ...envelope, seconds: 90, gone: 'x' })
  const own = { 1: { subject, version: 2, schema: second } }
  const codec = new AvroCodec({ visit: second }, own, registry)
  const batches = of(batchOf(bytes, bytes), batchOf(bytes)).pipe(decode(codec), toArray())
  expect((await firstValueFrom(batches)).flatMap(({ items }) => items)).toHaveLength(3)
  expect(unsteady.requests).toBe(1)
  // Not even while the registry is away.
  unsteady.mood = 'rude'
  const again = await firstValueFrom(of(batchOf(bytes)).pipe(decode(codec)))
  expect(again.items[0]).toMatchObject({ outcome: 'pending', schemaId: id })
})

test('who is told to stop holds no request, and sends none that waited behind another', async () => {
  let cutOff = 0
  const silent = createPlainServer((request) => request.socket.once('close', () => cutOff++))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    silent.closeAllConnections()
    silent.close()
  })
  let requests = 0
  silent.on('request', () => requests++)
  const url = `http://127.0.0.1:${(silent.address() as { port: number }).port}`
  const registry = await ConfluentSchemas.open({ url }, quick)
  const asked = [1, 2, 3].map((id) => registry.byIds([id]))
  await expect.poll(() => requests).toBeGreaterThan(0)
  const before = requests
  await registry.close()
  for (const one of asked) await expect(one).rejects.toMatchObject({ code: 'STOPPED' })
  await expect.poll(() => cutOff, { timeout: 2_000 }).toBe(before)
  expect(requests).toBe(before)
})

describe('who asks', () => {
  test.each([
    [{ username: 'u', password: 'p:w' }, `Basic ${Buffer.from('u:p:w').toString('base64')}`],
    [{ token: 't' }, 'Bearer t'],
    [{}, undefined],
  ])('says so by %j', async (auth, due) => {
    const unsteady = await unsteadyHttp(server.url)
    const registry = await ConfluentSchemas.open({ url: `${unsteady.url}/`, ...auth }, quick)
    onTestFinished(() => registry.close())
    expect(await registry.versions('nobody.knows')).toEqual([])
    expect(unsteady.authorization).toBe(due)
  })

  test('believes a server whose authority it was told, and no other', async () => {
    const cert = readFileSync('test/fixtures/tls/server.pem', 'utf8')
    const key = readFileSync('test/fixtures/tls/server.key')
    const https = createServer({ cert, key }, (_request, response) => response.end('[]'))
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void https.close())
    const url = `https://localhost:${(https.address() as { port: number }).port}`
    const told = await ConfluentSchemas.open({ url, ca: cert }, quick)
    expect(await told.versions('a')).toEqual([])
    await told.close()
    const untold = await connected(url, { patienceMs: 0 })
    await expect(untold.versions('a')).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('self-signed'),
    })
  })
})

describe('tidemark schemas register', () => {
  async function run(args: readonly string[] = []) {
    const folder = await tempFolder()
    const text = `data: d\nkafka: { brokers: [a:1] }\nschemaRegistry: { url: '${server.url}' }\n`
    writeFileSync(join(folder, 'tidemark.yaml'), text)
    const io = new TestIo(false, folder)
    const exit = await runProgram(
      ['schemas', 'register', '--config', 'tidemark.yaml', ...args],
      io,
      [schemasCommand],
    )
    return { exit, io }
  }

  test('registers what is missing, and nothing twice; then the app opens with the ids', async () => {
    const { exit, io } = await run()
    expect(exit).toBe(0)
    expect(io.stdout).toMatch(/^tidemark\.churn\.features +id +\d+ {2}(registered|was there)/m)
    const again = await run(['--json'])
    const { schemas } = JSON.parse(again.io.stdout) as { schemas: { present: boolean }[] }
    expect(schemas.map(({ present }) => present)).toEqual(schemas.map(() => true))
    expect(schemas).toHaveLength(8)

    const registry = await connected(server.url)
    const { app } = await loadApp('churn', '.', registry)
    expect(app.outputs.features).toBeGreaterThan(0)
    expect(app.outputs.features).not.toBe(app.outputs.scores)
    expect(app.engine.appHash).toBe((await loadApp('churn', '.')).app.engine.appHash)
  })

  test('gives a new registry the ids of the file, so old records keep their meaning', async () => {
    const fresh = await RegistryServer.start()
    onTestFinished(() => fresh.stop())
    if (!fresh.isOwn) return
    const registry = await connected(fresh.url)
    const { first, second } = generations()
    const subject = subjectOf(first)
    const history = {
      1: { subject, version: 1, schema: first },
      2: { subject, version: 2, schema: second },
    }
    const due = { events: [second], outputs: [], history }
    expect((await registerAll(registry, due)).map(({ id }) => id)).toEqual([1, 2])
  }, 120_000)

  test('refuses, before it writes anything, what could not read the old records', async () => {
    const { first, subject } = generations()
    const registry = await connected(server.url)
    await registry.register(subject, first)
    const other = visit(first.namespace!, { name: 'seconds', type: 'string' })
    const news = visit(ownNamespace())
    const due = { events: [news, other], outputs: [], history: {} }
    await expect(registerAll(registry, due)).rejects.toMatchObject({
      code: 'SCHEMA_INCOMPATIBLE',
      exit: 78,
    })
    expect(await registry.versions(subjectOf(news))).toEqual([])
  })

  test("tells the registry's own rule where that is stricter", async () => {
    const { first, subject } = generations()
    const registry = await connected(server.url)
    await registry.register(subject, first)
    await fetch(`${server.url}/config/${subject}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"compatibility":"FULL"}',
    })
    const longer = visit(first.namespace!, { name: 'seconds', type: 'double' })
    const due = { events: [longer], outputs: [], history: {} }
    await expect(registerAll(registry, due)).rejects.toMatchObject({
      code: 'SCHEMA_INCOMPATIBLE',
      message: expect.stringContaining(`registering ${subject}`),
    })
  })

  test('needs a registry in the configuration', async () => {
    const folder = await tempFolder()
    writeFileSync(join(folder, 'tidemark.yaml'), 'data: d\nkafka: { brokers: [a:1] }\n')
    const io = new TestIo(false, folder)
    const args = ['schemas', 'register', '--config', 'tidemark.yaml']
    expect(await runProgram(args, io, [schemasCommand])).toBe(78)
    expect(io.stderr).toContain('REGISTRY_MISSING')
  })
})
