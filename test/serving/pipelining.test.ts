import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { buildServer, listen } from '../../src/serving/http.js'
import { buildMetricsServer } from '../../src/serving/metrics-server.js'
import { UNANSWERED_MAX } from '../../src/serving/pipelining.js'
import { served } from './made-up.js'

const opened: FastifyInstance[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()))
})

const asked = (address: string) => `GET ${address} HTTP/1.1\r\nhost: localhost\r\n\r\n`

async function connected(server: FastifyInstance) {
  opened.push(server)
  const { port } = new URL(await listen(server, 0))
  return connect(Number(port), '127.0.0.1')
}

describe('a connection that asks without reading', () => {
  it('gets all answers within the bound, in order', async () => {
    const socket = await connected(await buildServer(served()))
    const last = 'GET /v1/top HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'
    socket.write(asked('/healthz').repeat(UNANSWERED_MAX - 1) + last)
    const answers = (await text(socket)).split('HTTP/1.1 200 OK').slice(1)
    expect(answers).toHaveLength(UNANSWERED_MAX)
    expect(answers.at(-1)).toContain('"customers"')
  })

  it('may ask for ever where it reads', async () => {
    const socket = await connected(await buildServer(served()))
    for (let i = 0; i < 3 * UNANSWERED_MAX; i++) {
      socket.write(asked('/healthz'))
      const [answer] = (await once(socket, 'data')) as [Buffer]
      expect(answer.toString()).toMatch(/^HTTP\/1.1 200/)
    }
    socket.destroy()
  })

  it('is cut beyond the bound, and what else it sent is not looked up', async () => {
    const parts = served()
    let lookups = 0
    const metrics = { ...parts.metrics, observeLookup: () => lookups++ }
    const socket = await connected(await buildServer({ ...parts, metrics }))
    socket.on('error', () => {})
    socket.pause()
    socket.write(asked('/v1/stream') + asked('/v1/customers/c1').repeat(500))
    await once(socket.resume(), 'close')
    expect(lookups).toBeLessThan(UNANSWERED_MAX)
  })

  it('is cut by a server of metrics too', async () => {
    let rendered = 0
    const render = async () => `tidemark_up ${++rendered}\n`
    const socket = await connected(buildMetricsServer({ contentType: 'text/plain', render }))
    socket.on('error', () => {})
    socket.write(asked('/metrics').repeat(500))
    await once(socket.resume(), 'close')
    expect(rendered).toBeLessThanOrEqual(UNANSWERED_MAX)
  })
})
