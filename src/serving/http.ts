/**
 * The HTTP server of one process: lookups, health, metrics and the page.
 *
 * Owns routes, media types and the form of errors. Does not own what is served: it asks the engine,
 * the snapshots, the board and the metrics, and keeps nothing.
 *
 * H1 Every error is a problem (RFC 9457) with a stable code, also those that Node's parser finds.
 * H2 A request is refused before its body is read: nothing here takes one.
 * H3 Where only this machine is served, a page from elsewhere that has a name of its own point here
 *    (DNS rebinding) is refused.
 * H4 A connection that asks without reading the answers is cut: at once where they would pile up,
 *    else after `STALLED_MAX_MS`.
 */
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { exitCode, ioError, TidemarkError } from '../errors.js'
import type { ScoreBoard } from '../monitoring/score-board.js'
import type { StatusSource } from '../topology/status.js'
import { accepts } from './accept.js'
import { ChangeStream } from './change-stream.js'
import { answerParserError } from './client-error.js'
import { lookUpCustomer } from './customer.js'
import { type HistoryLookup, lookUpHistory } from './history.js'
import { isOwnName } from './own-name.js'
import { boundPipelining, STALLED_MAX_MS } from './pipelining.js'
import { Problem, sendProblem } from './problems.js'
import type { NotReady } from './readiness.js'
import { StatusStream } from './stream.js'
import { lookUpTop, type TopParameters, topQuery } from './top.js'
import { Turns } from './turns.js'

/** The engine of this process, and what it reports into. */
export interface Live {
  readonly engine: StatusSource
  readonly board: ScoreBoard
  /** The topic of the input, for coordinates. */
  readonly topic: string
}

/** What the server shows. */
export interface Served extends HistoryLookup {
  /** Why lookups can't be relied upon now; empty where they can. */
  notReady(): readonly NotReady[]
  /** Whether to answer to the names and addresses of this machine only (H3). */
  readonly ownNamesOnly: boolean
  /** The engine of this process, for its status and the page; without it there is neither. */
  readonly live?: Live
  readonly metrics: {
    readonly contentType: string
    render(): Promise<string>
    /** One lookup was answered; `seconds` of wall time. */
    observeLookup(status: number, seconds: number): void
  }
  /** Told about every answer 500: the caller sees only the request id. */
  readonly onError: (error: unknown, requestId: string) => void
}

/** Customers whose risk moved most, on the page. */
const TOP_ON_PAGE = 12
/** Each may hold answers that nobody takes: 128 streams, pages and whoever looks customers up. */
const CONNECTIONS_MAX = 1_024
const URL_BYTES_MAX = 8 * 1024
const JSON_TYPE = 'application/json'
const PAGE_FOLDER = fileURLToPath(new URL('./page/', import.meta.url))
/** A stop waits this long for answers on their way, then cuts the connections. */
const CLOSE_GRACE_MS = 2_000

/** Builds the server; `listen` opens it, tests `inject` into it. */
export async function buildServer(served: Served): Promise<FastifyInstance> {
  const server = fastify({
    logger: false,
    requestTimeout: 10_000,
    connectionTimeout: STALLED_MAX_MS,
    keepAliveTimeout: 10_000,
    // Above every URL that passes: our own text about the id's length is the better one.
    routerOptions: { maxParamLength: URL_BYTES_MAX },
    clientErrorHandler: answerParserError,
    frameworkErrors: (_error, request, reply) => {
      const problem = new Problem('URL_INVALID', 'the address is not percent-encoded UTF-8')
      void sendProblem(reply, request, problem)
    },
  })
  server.server.headersTimeout = 10_000
  server.server.maxConnections = CONNECTIONS_MAX
  boundPipelining(server)
  refuseEarly(server, served.ownNamesOnly)
  server.setErrorHandler((error, request, reply) => {
    if (error instanceof Problem) return sendProblem(reply, request, error)
    served.onError(error, request.id)
    const detail = `this is our fault; the log has more under request ${request.id}`
    return sendProblem(reply, request, new Problem('INTERNAL', detail))
  })
  addHealth(server, served)
  addLookups(server, served)
  addHeaders(server)
  if (served.live !== undefined) {
    addStatus(server, served.live)
    addStreams(server, served, served.live)
    // One route a file: what is not a file of the page gets our own 404.
    const files = { root: PAGE_FOLDER, wildcard: false, cacheControl: false }
    await server.register(fastifyStatic, files)
  }
  server.addHook('preClose', async () => {
    setTimeout(() => server.server.closeAllConnections(), CLOSE_GRACE_MS).unref()
  })
  return server
}

/**
 * Listens on the loopback address; port 0 takes a free one. Answers the page's address.
 *
 * @throws TidemarkError PORT_IN_USE, PORT_FORBIDDEN (exit 74)
 */
export async function listen(
  server: FastifyInstance,
  port: number,
  host = '127.0.0.1',
): Promise<string> {
  try {
    return await server.listen({ host, port })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') {
      const text = `port ${port} on ${host} is taken by another process`
      throw ioError('PORT_IN_USE', `${text}; try --port 0, or another http.port`, cause)
    }
    if (code === 'EACCES') {
      const text = `port ${port} on ${host} needs rights that this process lacks`
      throw new TidemarkError('PORT_FORBIDDEN', text, { exit: exitCode.io, cause })
    }
    throw cause
  }
}

/** 404, 405, 406, 414 and 421, decided before anything of the body is read (H2, H3). */
function refuseEarly(server: FastifyInstance, ownNamesOnly: boolean): void {
  const methods = new Map<string, { pattern: RegExp; allowed: Set<string> }>()
  server.addHook('onRoute', ({ url, method }) => {
    const pattern = new RegExp(`^${url.replaceAll('.', '\\.').replace(/:[a-z]+/g, '[^/]+')}$`)
    const known = methods.get(url) ?? { pattern, allowed: new Set<string>() }
    for (const name of [method].flat()) known.allowed.add(name)
    methods.set(url, known)
  })
  server.addHook('onRequest', async (request, reply) => {
    const { url } = request
    if (ownNamesOnly && !isOwnName(request.headers.host)) {
      throw new Problem('HOST_REFUSED', 'ask under 127.0.0.1 or localhost')
    }
    if (Buffer.byteLength(url) > URL_BYTES_MAX) {
      throw new Problem('URL_TOO_LONG', `the address has more than ${URL_BYTES_MAX} bytes`)
    }
    if (!request.is404) {
      const { media } = request.routeOptions.config as { media?: string }
      if (media === undefined || accepts(request.headers.accept, media)) return
      throw new Problem('NOT_ACCEPTABLE', `this address answers ${media} only`)
    }
    const path = url.split('?')[0]
    for (const { pattern, allowed } of methods.values()) {
      if (!pattern.test(path)) continue
      const allow = [...allowed].join(', ')
      reply.header('allow', allow)
      throw new Problem('METHOD_NOT_ALLOWED', `${path} takes ${allow}, not ${request.method}`)
    }
    throw new Problem('ROUTE_NOT_FOUND', `there is nothing at ${path}`)
  })
}

function addHealth(server: FastifyInstance, served: Served): void {
  const config = { media: JSON_TYPE }
  // An answer at all is the message: the event loop turns.
  server.get('/healthz', { config }, async (_request, reply) =>
    noStore(reply).send({ status: 'alive', uptimeSeconds: Math.floor(process.uptime()) }),
  )
  server.get('/readyz', { config }, async (_request, reply) => {
    const reasons = served.notReady()
    if (reasons.length === 0) return noStore(reply).send({ status: 'ready' })
    throw new Problem('NOT_READY', reasons.map((reason) => reason.text).join('; '), { reasons })
  })
  server.get('/metrics', { config: { media: 'text/plain' } }, async (_request, reply) =>
    noStore(reply)
      .type(served.metrics.contentType)
      .send(await served.metrics.render()),
  )
}

function addLookups(server: FastifyInstance, served: Served): void {
  const config = { media: JSON_TYPE }
  type ById = { Params: { id: string } }
  server.get<ById>('/v1/customers/:id', { config }, async (request, reply) =>
    noStore(reply).send(await lookUpCustomer(served, request.params.id)),
  )
  type Limited = ById & { Querystring: { limit?: string } }
  const turns = new Turns()
  server.get<Limited>('/v1/customers/:id/history', { config }, async (request, reply) => {
    const { params, query, raw } = request
    const lookUp = () => lookUpHistory(served, params.id, query.limit)
    const history = await turns.take(lookUp, () => !raw.socket.destroyed)
    return noStore(reply).send(history)
  })
  server.get<{ Querystring: TopParameters }>('/v1/top', { config }, async ({ query }, reply) =>
    noStore(reply).send(await lookUpTop(served, topQuery(query))),
  )
  server.addHook('onResponse', async ({ routeOptions }, { statusCode, elapsedTime }) => {
    if (routeOptions.url !== '/v1/customers/:id') return
    served.metrics.observeLookup(statusCode, elapsedTime / 1000)
  })
}

function addStatus(server: FastifyInstance, { engine }: Live): void {
  const config = { media: JSON_TYPE }
  server.get('/v1/status', { config }, async (_request, reply) =>
    noStore(reply).send(engine.status()),
  )
}

function addStreams(server: FastifyInstance, served: Served, { engine, board, topic }: Live): void {
  const moved = topQuery({ by: 'change', risk: undefined, limit: String(TOP_ON_PAGE) })
  const status = new StatusStream({ engine, board, top: () => lookUpTop(served, moved) })
  const changes = new ChangeStream(board, topic, randomUUID().slice(0, 8))
  const route = { config: { media: 'text/event-stream' }, exposeHeadRoute: false }
  server.get('/v1/stream', route, (_request: FastifyRequest, reply: FastifyReply) => {
    if (status.isFull) throw new Problem('TOO_MANY_STREAMS', 'close another page and try again')
    reply.hijack()
    status.add(reply.raw)
  })
  server.get('/v1/changes', route, ({ headers }: FastifyRequest, reply: FastifyReply) => {
    if (changes.isFull) throw new Problem('TOO_MANY_STREAMS', 'too many listen already')
    reply.hijack()
    changes.add(reply.raw, [headers['last-event-id']].flat()[0])
  })
  server.addHook('preClose', async () => {
    status.close()
    changes.close()
  })
}

function addHeaders(server: FastifyInstance): void {
  server.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
    // The page needs nothing from outside, and nobody may frame or script it.
    reply.header(
      'content-security-policy',
      "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    )
  })
}

function noStore(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-store')
}
