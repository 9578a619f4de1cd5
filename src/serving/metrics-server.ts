/** The HTTP server of a process that answers nothing but how it is. */
import { fastify, type FastifyInstance } from 'fastify'
import { boundPipelining, STALLED_MAX_MS } from './pipelining.js'

export interface Measured {
  readonly contentType: string
  render(): Promise<string>
}

/** `/healthz` and `/metrics`; `listen` opens it. */
export function buildMetricsServer(metrics: Measured): FastifyInstance {
  const server = fastify({
    logger: false,
    requestTimeout: 10_000,
    connectionTimeout: STALLED_MAX_MS,
    keepAliveTimeout: 10_000,
  })
  boundPipelining(server)
  server.get('/healthz', async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .send({ status: 'alive', uptimeSeconds: Math.floor(process.uptime()) }),
  )
  server.get('/metrics', async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(metrics.contentType)
      .send(await metrics.render()),
  )
  return server
}
