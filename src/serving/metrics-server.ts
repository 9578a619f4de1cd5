/** The HTTP server of a process that answers nothing but how it is. */
import { fastify, type FastifyInstance } from 'fastify'

export interface Measured {
  readonly contentType: string
  render(): Promise<string>
}

/** `/healthz` and `/metrics`; `listen` opens it. */
export function buildMetricsServer(metrics: Measured): FastifyInstance {
  const server = fastify({ logger: false, requestTimeout: 10_000, keepAliveTimeout: 10_000 })
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
