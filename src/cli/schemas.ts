/** `tidemark schemas`: an app's schemas in the registry of a configuration. */
import type { Command } from 'commander'
import type { Config } from '../config/schema.js'
import { configurationError } from '../errors.js'
import { schemasOf } from '../features/build-app.js'
import { ConfluentSchemas } from '../schemas/confluent-schemas.js'
import { registerAll, type Registration } from '../schemas/registered-ids.js'
import type { SchemaRegistry } from '../schemas/schemas.js'
import { configFlag, configOf } from './config.js'
import { registryAddress } from './connections.js'
import type { CliIo } from './io.js'
import { loadDeclaration } from './load-app.js'
import { stoppable } from './stop.js'
import { withEnd } from './with-end.js'

interface Flags {
  readonly config: string
  readonly json?: boolean
}

export function schemasCommand(program: Command, io: CliIo): void {
  program
    .command('schemas')
    .description("an app's schemas in the registry that a configuration names")
    .command('register')
    .description(
      'put the schemas of events and outputs there that it lacks, where they are compatible',
    )
    .addOption(configFlag())
    .option('--json', 'what became of each schema as JSON on stdout')
    .action((flags: Flags) => stoppable(io, (stop) => runRegister(flags, io, stop)))
}

/**
 * The registry of a configuration, not asked anything yet; null: it names none. Closing it ends
 * whatever waits for it, and so does `idPatienceMs` where somebody waits for what an id means.
 */
export async function openRegistry(
  config: Config,
  note: (text: string) => void,
  idPatienceMs = Infinity,
): Promise<SchemaRegistry | null> {
  const address = registryAddress(config)
  return address === null ? null : ConfluentSchemas.open(address, { note, idPatienceMs })
}

/**
 * Raises `REGISTRY_MISSING` and `SCHEMA_INCOMPATIBLE` (78), `REGISTRY_UNAVAILABLE` (69), and what
 * `loadConfig` and `loadDeclaration` raise.
 */
export async function runRegister(flags: Flags, io: CliIo, stop: AbortSignal): Promise<void> {
  const { config, folder, path } = await configOf(flags, io)
  const { declaration } = await loadDeclaration(config.app, folder)
  const registry = await openRegistry(config, (text) => io.err(`tidemark: ${text}\n`))
  if (registry === null) {
    throw configurationError('REGISTRY_MISSING', `${path} has no section schemaRegistry`)
  }
  const end = (): void => void registry.close()
  stop.addEventListener('abort', end, { once: true })
  const { schemaIds: history } = declaration
  const registrations = await withEnd(
    () => registerAll(registry, { ...schemasOf(declaration), history }),
    () => registry.close(),
  )
  if (flags.json) io.out(`${JSON.stringify({ schemas: registrations })}\n`)
  else io.out(registrationsText(registrations))
}

function registrationsText(registrations: readonly Registration[]): string {
  const width = Math.max(...registrations.map(({ subject }) => subject.length))
  const lines = registrations.map(({ subject, id, present }) => {
    const what = present ? 'was there already' : 'registered'
    return `${subject.padEnd(width)}  id ${String(id).padStart(5)}  ${what}\n`
  })
  return lines.join('')
}
