/** `tidemark scrub`: proves the state of a data directory that no process has open. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { exitCode, ioError, TidemarkError } from '../errors.js'
import { topicsOf } from '../log/log.js'
import type { Position } from '../operators/position.js'
import { type ScrubbedStore, scrubStore } from '../state/scrub.js'
import { nonEmpty } from './flags.js'
import type { CliIo } from './io.js'
import { type OpenData, openData } from './open-data.js'
import { DEFAULT_DATA_DIRECTORY } from './start-options.js'
import { stoppable } from './stop.js'
import { withEnd } from './with-end.js'

interface Flags {
  app?: string
  data: string
  json?: boolean
}

/** What is told of one partition. */
interface Scrubbed {
  readonly partition: number
  readonly customers: number
  readonly values: number
  /** The commit that the store follows; 0: it holds nothing yet. */
  readonly commit: number
  /** Why the store cannot be believed; null where it is whole. */
  readonly fault: string | null
}

export function scrubCommand(program: Command, io: CliIo): void {
  program
    .command('scrub')
    .description('read all state of a directory that is not in use; exit 74 where any is damaged')
    .option('--app <app>', 'churn, or the folder of an app', nonEmpty('an app'))
    .option('--data <dir>', 'data directory', nonEmpty('a directory'), DEFAULT_DATA_DIRECTORY)
    .option('--json', 'the report as JSON on stdout')
    .action((flags: Flags) => stoppable(io, (stop) => runScrub(flags, io, stop)))
}

/**
 * Scrubs the store of each partition and changes none of them. Raises `STORE_DAMAGED` (exit 74)
 * behind the report, `STOPPED` (75), and what `openData` raises.
 */
export async function runScrub(flags: Flags, io: CliIo, stop: AbortSignal): Promise<void> {
  const data = await openData(resolve(io.cwd, flags.data), {
    app: flags.app ?? null,
    cwd: io.cwd,
    timeBase: null,
  })
  const found = await withEnd(
    () => scrubAll(data, stop),
    () => data.close(),
  )
  io.out(flags.json ? `${JSON.stringify({ partitions: found })}\n` : scrubText(found))
  const damaged = found.filter(({ fault }) => fault !== null).length
  if (damaged === 0) return
  const text = `${damaged} of ${found.length} stores; the next start sets them aside`
  throw ioError('STORE_DAMAGED', `${text} and makes them again from the log`)
}

async function scrubAll(data: OpenData, stop: AbortSignal): Promise<Scrubbed[]> {
  const found: Scrubbed[] = []
  const partitions = data.log.partitions(topicsOf(data.loaded.app.name).events)
  for (let partition = 0; partition < partitions; partition++) {
    found.push(await scrubOne(data, partition, stop))
  }
  return found
}

async function scrubOne(data: OpenData, partition: number, stop: AbortSignal): Promise<Scrubbed> {
  try {
    const store = await data.home.open(partition)
    const scrubbed: ScrubbedStore<Position> | null = await withEnd(
      () => scrubStore<Position>(store, async () => !stop.aborted),
      () => store.close(),
    )
    if (scrubbed === null) throw stopped()
    const { customers, values, position } = scrubbed
    return { partition, customers, values, commit: position?.commit ?? 0, fault: null }
  } catch (error) {
    if (!(error instanceof TidemarkError) || error.code !== 'STORE_DAMAGED') throw error
    return { partition, customers: 0, values: 0, commit: 0, fault: error.message }
  }
}

function stopped(): TidemarkError {
  return new TidemarkError('STOPPED', 'told to stop before all state was read', {
    exit: exitCode.tryAgain,
    retry: 'now',
  })
}

function scrubText(found: readonly Scrubbed[]): string {
  const lines = found.map(({ partition, customers, values, commit, fault }) => {
    const whole = `${values} values of ${customers} customers are whole, at commit ${commit}`
    return `partition ${partition}: ${fault === null ? whole : `damaged: ${fault}`}`
  })
  return `${lines.join('\n')}\n`
}
