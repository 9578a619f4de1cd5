/** Where a start's events come from, decided before anything is opened. */
import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { configurationError, ioError, TidemarkError } from '../errors.js'
import type { App } from '../features/app.js'
import {
  defaultSpeed,
  Generator,
  type GeneratorRun,
  generatorRun,
  preloadDays,
} from '../ingest/generate.js'
import { type IngestReport, ingestSql } from '../ingest/ingest.js'
import type { EventLog, TimeBase } from '../log/log.js'
import type { StartHooks } from './start.js'
import type { StartOptions, StartSource } from './start-options.js'

const day = 86_400_000
const defaultRate = 100
/** The made-up business begins here; its 120 days of history end where the live part begins. */
const beginMs = Date.UTC(2025, 0, 1)

/** A source that runs beside the engine. */
export interface RunningSource {
  /** Events before this instant are all in the log; null where nothing is promised. */
  lowWatermark(): number | null
  /** Resolves when the source is used up, or after `stop`. */
  run(stop: AbortSignal): Promise<void>
}

export const noSource: RunningSource = {
  lowWatermark: () => null,
  run: async () => undefined,
}

/** The source that the flags and what the directory has ask for. */
export function effectiveSource(options: StartOptions, isNew: boolean): StartSource {
  const { source } = options
  if (source.kind !== 'default' || !isNew) return source
  if (options.app !== null && options.app !== 'churn') return source
  return { kind: 'generate', rate: defaultRate, speed: null }
}

/**
 * Refuses files that cannot be read, before anything is made or opened for them.
 *
 * @throws TidemarkError FILE_MISSING (74)
 */
export async function checkSource(source: StartSource): Promise<void> {
  if (source.kind !== 'files') return
  for (const path of [source.sql, ...source.files]) {
    await access(path, constants.R_OK).catch((cause: unknown) => {
      throw ioError('FILE_MISSING', `cannot read ${path}: ${reasonOf(cause)}`, cause)
    })
  }
}

function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  return code === 'ENOENT' ? 'no such file' : message
}

/** The time base of a log that this source creates. */
export async function timeBaseOf(source: StartSource): Promise<TimeBase> {
  if (source.kind === 'generate') {
    const origin = beginMs + preloadDays * day
    return { kind: 'virtual', origin, speed: source.speed ?? defaultSpeed }
  }
  if (source.kind === 'default') return { kind: 'wall' }
  if (source.speed === 'max') return { kind: 'none' }
  const { QueryRows } = await import('../ingest/duckdb-rows.js')
  const rows = await QueryRows.open(await queryOf(source), {})
  try {
    const origin = (await rows.firstTimestamp()) ?? 0
    return { kind: 'virtual', origin, speed: source.speed }
  } finally {
    await rows.close()
  }
}

/** Opens the source over the log; a generator goes on where the log says that it stopped. */
export async function openSource(
  source: StartSource,
  seed: number | null,
  app: App,
  log: EventLog,
  hooks: StartHooks,
): Promise<RunningSource> {
  const earlier = await generatorRun(log, app.name)
  if (source.kind === 'files') return fileSource(source, app, log, hooks)
  if (source.kind === 'default') {
    return earlier === null ? noSource : generatorSource(earlier, app, log, hooks)
  }
  const { timeBase } = log
  if (app.name !== 'churn' || timeBase.kind !== 'virtual') {
    const text = '--generate makes up events of the churn app, on a log that it created'
    throw configurationError('GENERATE_ELSEWHERE', text)
  }
  const eventsPerDay = source.rate * (day / 1000 / timeBase.speed)
  const run = earlier ?? { seed: seed ?? 1, eventsPerDay, beginMs, throughMs: 0 }
  return generatorSource(checkedRun(run, source.rate, seed, eventsPerDay), app, log, hooks)
}

/** The business in a log keeps its seed and pace: a changed one would tell another story. */
function checkedRun(
  run: GeneratorRun,
  rate: number,
  seed: number | null,
  eventsPerDay: number,
): GeneratorRun {
  if (run.eventsPerDay === eventsPerDay && (seed === null || seed === run.seed)) return run
  const came = `seed ${run.seed} and ${Math.round(run.eventsPerDay)} events a day`
  const due = `--generate ${rate}${seed === null ? '' : ` --seed ${seed}`} is another one`
  const text = `this directory has a business with ${came}; ${due}: start it in another directory`
  throw configurationError('GENERATE_CHANGED', text)
}

function generatorSource(
  run: GeneratorRun,
  app: App,
  log: EventLog,
  hooks: StartHooks,
): RunningSource {
  const origin = log.timeBase.kind === 'virtual' ? log.timeBase.origin : 0
  let generator: Generator | null = null
  return {
    lowWatermark: () => generator?.lowWatermark() ?? run.throughMs,
    run: async (stop) => {
      const progress = hooks.progress('making up history', 'days')
      generator = new Generator({
        app,
        log,
        run,
        stop,
        sleep: (ms, signal) => pause(ms, undefined, { signal }).catch(() => undefined),
        onPreload: (done, days) => {
          progress.update(done, days)
          if (done >= days) progress.end(done)
        },
      })
      await generator.run(origin)
    },
  }
}

function fileSource(
  source: StartSource & { readonly kind: 'files' },
  app: App,
  log: EventLog,
  hooks: StartHooks,
): RunningSource {
  return {
    lowWatermark: () => null,
    run: async (stop) => {
      const progress = hooks.progress('loading', 'rows')
      const loading = ingestSql({
        app,
        log,
        ...(await queryOf(source)),
        ...(source.speed === 'max' ? {} : { speed: source.speed }),
        signal: stop,
        onProgress: ({ rows, total }) => progress.update(rows, total),
      })
      const report = await loading.catch(passWhereLoaded)
      if (report === null) return hooks.logger.info('the files are in the log already: going on')
      progress.end(report.rows)
      for (const [code, { count, example }] of Object.entries(report.rejects)) {
        hooks.logger.warn(`${count} rows rejected: ${code}`, { example })
      }
    },
  }
}

/** A start that was killed behind its load is started again by the same command. */
function passWhereLoaded(error: unknown): IngestReport | null {
  if (error instanceof TidemarkError && error.code === 'INGEST_DONE') return null
  throw error
}

async function queryOf({ sql, files }: StartSource & { readonly kind: 'files' }) {
  return { sql: await readFile(sql, 'utf8'), files }
}
