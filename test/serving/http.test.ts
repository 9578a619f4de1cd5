import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { exitCode, TidemarkError } from '../../src/errors.js'
import { buildServer, listen } from '../../src/serving/http.js'
import { engineStatus, NOW, partitionStatus, proof, served, snapshotOf } from './made-up.js'

const opened: FastifyInstance[] = []

async function open(parts = served()): Promise<FastifyInstance> {
  const server = await buildServer(parts)
  opened.push(server)
  return server
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()))
})

const id = (text: string) => `/v1/customers/${encodeURIComponent(text)}`

describe('what is refused', () => {
  const cases = [
    ['an unknown customer', 'GET', id('nobody'), {}, 404, 'CUSTOMER_NOT_FOUND'],
    ['an id of 257 bytes', 'GET', id('x'.repeat(257)), {}, 400, 'CUSTOMER_ID_INVALID'],
    ['an id of 86 three-byte letters', 'GET', id('€'.repeat(86)), {}, 400, 'CUSTOMER_ID_INVALID'],
    ['an empty id', 'GET', '/v1/customers/', {}, 400, 'CUSTOMER_ID_INVALID'],
    ['an id that is no UTF-8', 'GET', '/v1/customers/%ff', {}, 400, 'URL_INVALID'],
    ['a broken percent-encoding', 'GET', '/v1/customers/%zz', {}, 400, 'URL_INVALID'],
    ['an unknown address', 'GET', '/v2/customers', {}, 404, 'ROUTE_NOT_FOUND'],
    ['a file outside the page', 'GET', '/..%2Fhttp.ts', {}, 404, 'ROUTE_NOT_FOUND'],
    ['another method', 'POST', id('c1'), {}, 405, 'METHOD_NOT_ALLOWED'],
    ['another method on the page', 'DELETE', '/', {}, 405, 'METHOD_NOT_ALLOWED'],
    ['a media type we lack', 'GET', id('c1'), { accept: 'text/html' }, 406, 'NOT_ACCEPTABLE'],
    ['a refused type', 'GET', '/healthz', { accept: '*/*;q=0' }, 406, 'NOT_ACCEPTABLE'],
    ['an address of 9 KiB', 'GET', `/?${'x'.repeat(9_000)}`, {}, 414, 'URL_TOO_LONG'],
  ] as const

  it.each(cases)('%s', async (_name, method, url, headers, status, code) => {
    const answer = await (await open()).inject({ method, url, headers })
    expect(answer.statusCode).toBe(status)
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    expect(answer.json()).toMatchObject({ status, code, instance: url })
    const members = ['type', 'title', 'detail', 'requestId']
    for (const member of members) expect(answer.json()[member]).toEqual(expect.any(String))
  })

  it('a wrong method names the right ones, and a body is not even parsed', async () => {
    const server = await open()
    const headers = { 'content-type': 'application/json' }
    const answer = await server.inject({ method: 'PUT', url: id('c1'), headers, payload: '{' })
    expect(answer.statusCode).toBe(405)
    expect(answer.headers['allow']).toBe('GET, HEAD')
  })

  it('bytes that are no HTTP get a problem, and the socket is closed', async () => {
    const server = await open()
    const { port } = new URL(await listen(server, 0))
    const text = await new Promise<string>((resolve, reject) => {
      let heard = ''
      const socket = connect(Number(port), '127.0.0.1', () => socket.write('hello\r\n\r\n'))
      socket.on('data', (bytes) => (heard += bytes.toString()))
      socket.on('close', () => resolve(heard))
      socket.on('error', reject)
    })
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(JSON.parse(text.split('\r\n\r\n')[1])).toMatchObject({ code: 'REQUEST_INVALID' })
  })

  it('our own mistake is a 500 that tells the log more than the caller', async () => {
    const parts = served(undefined, { get: () => Promise.reject(new Error('secret')) })
    const answer = await (await open(parts)).inject(id('c1'))
    expect(answer.json()).toMatchObject({ status: 500, code: 'INTERNAL' })
    expect(answer.body).not.toContain('secret')
    expect(parts.errors).toEqual([new Error('secret')])
  })

  it('a taken port is one sentence with exit 74', async () => {
    const first = await open()
    const port = Number(new URL(await listen(first, 0)).port)
    await expect(listen(await open(), port)).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      exit: 74,
      message: expect.stringContaining(String(port)),
    })
  })
})

describe('a customer', () => {
  it('has features, score, coordinates, and is exact where all is proved', async () => {
    const answer = await (await open()).inject(id('c00001'))
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.json()).toMatchObject({
      customer: 'c00001',
      features: { logins_last_7_days: 1, plan: 'plus', billing_amount_change_pct: null },
      score: {
        probability: 0.6248999834060669,
        risk: 'medium',
        decision: true,
        bundle: { name: 'churn-demo', version: '1' },
        degraded: null,
      },
      coordinates: {
        topic: 'churn.events',
        partition: 0,
        endOffset: 1_204_298,
        asOf: '2025-03-03T14:19:54.000Z',
        commit: 48_207,
      },
      validUntil: '2025-03-03T18:32:00.000Z',
      freshness: { status: 'exact', ageSeconds: 2 },
      cause: 'time',
    })
  })

  it.each(['c 1', ' c1', 'a/b', '100%', 'Zoë', '客户', 'x'.repeat(256), '%2F'])(
    'is asked for by its bytes: %j',
    async (customer) => {
      const asked: string[] = []
      const get = async (name: string) => {
        asked.push(name)
        return snapshotOf(name)
      }
      const server = await open(served(undefined, { get }))
      expect((await server.inject(id(customer))).statusCode).toBe(200)
      expect(asked).toEqual([customer])
    },
  )

  it('is unproven with a reason where one is missing', async () => {
    const parts = served(() => engineStatus({}, { caughtUp: false }))
    const answer = await (await open(parts)).inject(id('c1'))
    expect(answer.json().freshness).toEqual({
      status: 'unproven',
      reason: 'behind',
      ageSeconds: (NOW - proof.asOf) / 1000,
    })
  })
})

describe('a customer who is not there', () => {
  it('is missing for sure only where all of his partition is proved to be read', async () => {
    const proved = await (await open()).inject(id('nobody'))
    expect(proved.json()).toMatchObject({ freshness: { status: 'exact' } })
    const behind = await open(served(() => engineStatus({}, { caughtUp: false })))
    const answer = await behind.inject(id('nobody'))
    expect(answer.statusCode).toBe(404)
    expect(answer.json()).toMatchObject({ freshness: { status: 'unproven', reason: 'behind' } })
  })

  it('is not told of a partition that another process runs', async () => {
    const partitions = [partitionStatus({ partition: 1 })]
    const answer = await (await open(served(() => engineStatus({ partitions })))).inject(id('c1'))
    expect(answer.statusCode).toBe(421)
    expect(answer.json()).toMatchObject({ code: 'CUSTOMER_ELSEWHERE' })
  })

  it('is not told either while the server of the snapshots is away', async () => {
    const away = new TidemarkError('REDIS_UNAVAILABLE', 'gone', { exit: exitCode.dependency })
    const parts = served(undefined, { get: () => Promise.reject(away) })
    const answer = await (await open(parts)).inject(id('c1'))
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('1')
    expect(answer.json()).toMatchObject({
      code: 'SNAPSHOTS_UNAVAILABLE',
      detail: expect.stringContaining('REDIS_UNAVAILABLE') as string,
    })
    expect(parts.errors).toEqual([])
  })

  it('is looked for behind the proof, so that no row is held against a later one', async () => {
    const calls: string[] = []
    const parts = served(undefined, {
      proof: () => (calls.push('proof'), proof),
      get: async (name) => (calls.push('row'), snapshotOf(name)),
    })
    await (await open(parts)).inject(id('c1'))
    expect(calls).toEqual(['proof', 'row'])
  })
})

describe('a name', () => {
  it.each(['localhost:8080', '127.0.0.1:8080', '[::1]:8080', 'a.localhost', '10.0.0.7'])(
    'of this machine is answered to: %s',
    async (host) => {
      const answer = await (await open()).inject({ url: '/healthz', headers: { host } })
      expect(answer.statusCode).toBe(200)
    },
  )

  it.each(['elsewhere.example', 'localhost.example:8080'])(
    'of somebody else is refused where only this machine is served: %j',
    async (host) => {
      const asked = { url: '/v1/customers/c1', headers: { host } }
      const answer = await (await open()).inject(asked)
      expect(answer.statusCode).toBe(421)
      expect(answer.json()).toMatchObject({ code: 'HOST_REFUSED' })
      const parts = { ...served(), ownNamesOnly: false }
      expect((await (await open(parts)).inject(asked)).statusCode).toBe(200)
    },
  )
})

describe('health', () => {
  it('is alive in every state, ready only while running', async () => {
    for (const state of ['starting', 'restoring', 'stopping', 'failed'] as const) {
      const server = await open(served(() => engineStatus({ state, failure: 'the disk is full' })))
      expect((await server.inject('/healthz')).statusCode).toBe(200)
      const ready = await server.inject('/readyz')
      expect(ready.statusCode).toBe(503)
      expect(ready.headers['retry-after']).toBe('1')
      expect(ready.json()).toMatchObject({
        code: 'NOT_READY',
        reasons: [{ code: state.toUpperCase() }],
      })
    }
    const behind = await open(served(() => engineStatus({}, { caughtUp: false })))
    expect((await behind.inject('/readyz')).json()).toEqual({ status: 'ready' })
  })

  it('names the partition that restores, and how far it is', async () => {
    const restoring = { done: 10, total: 40 }
    const server = await open(served(() => engineStatus({ state: 'restoring' }, { restoring })))
    expect((await server.inject('/readyz')).json().reasons).toEqual([
      { code: 'RESTORING', text: 'partition 0 restores: 10 of 40 records', partition: 0 },
    ])
  })
})

describe('the stream', () => {
  it('gives status, histogram and changes at once, and ends with the server', async () => {
    const parts = served()
    const row = {
      customer: 'c1',
      cause: 'time',
      asOf: NOW,
      risk: 'low',
      commit: 1,
      partition: 0,
      endOffset: 9,
    } as const
    parts.board.observe([{ ...row, probability: 0.1 }])
    parts.board.observe([{ ...row, probability: 0.3, commit: 2 }])
    const server = await open(parts)
    const url = await listen(server, 0)
    let closed = false
    const text = await new Promise<string>((resolve, reject) => {
      let heard = ''
      const asking = httpRequest(`${url}/v1/stream`, (answer) => {
        expect(answer.headers['content-type']).toMatch(/^text\/event-stream/)
        answer.on('close', () => (closed = true))
        answer.on('data', (bytes: Buffer) => {
          heard += bytes.toString()
          if (heard.endsWith('\n\n')) resolve(heard)
        })
      })
      asking.on('error', reject)
      asking.end()
    })
    const facts = JSON.parse(text.split('data: ')[1])
    expect(facts.status).toMatchObject({ featureSet: 'churn/1', synthetic: true })
    expect(facts.histogram[6]).toBe(1)
    expect(facts.changes).toMatchObject([
      { customer: 'c1', cause: 'time', previous: 0.1, probability: 0.3 },
    ])
    await server.close()
    await expect.poll(() => closed).toBe(true)
  })

  it('is not for HEAD, which would never end', async () => {
    const answer = await (await open()).inject({ method: 'HEAD', url: '/v1/stream' })
    expect(answer.statusCode).toBe(405)
  })
})

it('the page is served whole, without a word to the outside', async () => {
  const server = await open()
  for (const path of [
    '/',
    '/page.js',
    '/layout.css',
    '/theme.css',
    '/charts.js',
    '/format.js',
    '/icon.svg',
  ]) {
    const answer = await server.inject(path)
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-security-policy']).toContain("default-src 'self'")
    const elsewhere = answer.body.replaceAll('http://www.w3.org/2000/svg', '')
    expect(elsewhere).not.toMatch(/https?:\/\//)
  }
})

it('the status is the engine’s own', async () => {
  const answer = await (await open()).inject('/v1/status')
  expect(answer.json()).toEqual(JSON.parse(JSON.stringify(engineStatus())))
})
