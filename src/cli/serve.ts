/** `tidemark serve`: lookups over HTTP from Redis, beside any number of others. */
import { type Command, Option } from 'commander'
import { aborted } from '../aborted.js'
import { loadConfig } from '../config/load-config.js'
import { configurationError } from '../errors.js'
import { createLookupMetrics } from '../monitoring/server-metrics.js'
import { buildServer, listen, type Served } from '../serving/http.js'
import type { NotReady } from '../serving/readiness.js'
import type { RedisLookups } from '../snapshots/redis-lookups.js'
import { defaultSettings } from '../topology/settings.js'
import { configFlag } from './config.js'
import { redisAddress } from './connections.js'
import type { CliIo } from './io.js'
import { loadApp } from './load-app.js'
import { createLogger, type LogFormat, type Logger } from './logger.js'
import { ServedGeneration } from './served-generation.js'
import { stackOf } from './source-places.js'
import { stoppable } from './stop.js'
import { withEnd } from './with-end.js'

interface Flags {
  readonly config: string
  readonly json?: boolean
  readonly logFormat: LogFormat
}

export function serveCommand(program: Command, io: CliIo): void {
  program
    .command('serve')
    .description('answer lookups from the Redis that the workers fill; runs no partition')
    .addOption(configFlag())
    .option('--json', 'one JSON line on stdout when serving and when stopped')
    .addOption(
      new Option('--log-format <format>', 'log lines on stderr')
        .choices(['human', 'json'])
        .default('human'),
    )
    .action((flags: Flags) => stoppable(io, (stop) => runServe(flags, io, stop)))
}

/**
 * Answers until the stop. Raises `REDIS_MISSING` (78) where the configuration names none, and what
 * `loadConfig`, `loadApp`, `RedisLookups.open` and `listen` raise.
 */
export async function runServe(flags: Flags, io: CliIo, stop: AbortSignal): Promise<void> {
  const { config, folder, path } = await loadConfig(flags.config, io.cwd, io.environment)
  const address = redisAddress(config)
  if (address === null) {
    const text = `${path} has no section redis: serve has nothing else to look into`
    throw configurationError('REDIS_MISSING', text)
  }
  // The ids of a registry are none of a reader's business: rows say themselves what they are.
  const { app } = await loadApp(config.app, folder)
  const logger = createLogger(io, flags.logFormat)
  const note = (text: string): void => logger.warn(text)
  const generation = await ServedGeneration.open({ config, address, note }, app)
  const current = () => generation.current
  const timeBase = { kind: config.kafka.timeBase } as const
  const now = () => (timeBase.kind === 'none' ? null : io.now())
  const served: Omit<Served, 'onError'> = {
    engine: { status: () => ({ timeBase, now: now(), synthetic: app.synthetic }) },
    // Of whichever generation is served when they are asked.
    lookups: {
      find: (customer) => current().lookups.find(customer),
      history: (customer) => current().lookups.history(customer),
      top: () => current().lookups.top(),
    },
    rows: {
      decodeFeatures: (bytes) => current().rows.decodeFeatures(bytes),
      decodeScore: (bytes) => current().rows.decodeScore(bytes),
    },
    changes: { decode: (bytes) => current().changes.decode(bytes) },
    lagAllowanceMs: defaultSettings.lagAllowanceMs,
    notReady: () => notReady(current().lookups, stop),
    ownNamesOnly: false,
    metrics: createLookupMetrics(() => current().lookups.failure),
  }
  const { host, port } = config.http
  await withEnd(
    () => serveUntil(served, { host, port, logger, json: flags.json ?? false }, io, stop),
    async () => generation.close(),
  )
}

interface Place {
  readonly host: string
  readonly port: number
  readonly logger: Logger
  readonly json: boolean
}

async function serveUntil(
  served: Omit<Served, 'onError'>,
  { host, port, logger, json }: Place,
  io: CliIo,
  stop: AbortSignal,
): Promise<void> {
  const server = await buildServer({
    ...served,
    onError: (error, requestId) => {
      logger.error('a request failed', { requestId, error: stackOf(error) })
    },
  })
  const tell = (event: string, facts: object, text: string): void =>
    io.out(json ? `${JSON.stringify({ event, ...facts })}\n` : text)
  try {
    const url = await listen(server, port, host)
    tell('serving', { url, port: Number(new URL(url).port) }, `Lookups ${url}/v1/customers/ID\n`)
    await aborted(stop)
  } finally {
    await server.close()
  }
  tell('stopped', {}, 'Stopped.\n')
}

function notReady({ failure }: RedisLookups, stop: AbortSignal): NotReady[] {
  const reasons: NotReady[] = []
  if (stop.aborted) reasons.push({ code: 'STOPPING', text: 'the process stops' })
  if (failure !== null) reasons.push({ code: failure, text: 'Redis does not answer' })
  return reasons
}
