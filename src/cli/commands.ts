/**
 * All commands of the `tidemark` binary, with what they are made of.
 *
 * A command's module is loaded when it is asked for: all together take a second, and a worker that
 * was killed should not load what only `replay` needs.
 */
import type { RegisterCommand } from './program.js'

/** In the order in which `--help` lists them. */
const loaders: Readonly<Record<string, () => Promise<RegisterCommand>>> = {
  start: async () => {
    const { startCommand } = await import('./start.js')
    return startCommand((await import('./compose-start.js')).composeStart)
  },
  ingest: async () => (await import('./ingest.js')).ingestCommand,
  replay: async () => (await import('./replay.js')).replayCommand,
  verify: async () => (await import('./verify.js')).verifyCommand,
  history: async () => (await import('./history.js')).historyCommand,
  explain: async () => (await import('./explain.js')).explainCommand,
  rejects: async () => (await import('./rejects.js')).rejectsCommand,
  models: async () => (await import('./models.js')).modelsCommand,
  rebuild: async () => (await import('./rebuild.js')).rebuildCommand,
  archive: async () => (await import('./archive.js')).archiveCommand,
  scrub: async () => (await import('./scrub.js')).scrubCommand,
  config: async () => (await import('./config.js')).configCommand,
  schemas: async () => (await import('./schemas.js')).schemasCommand,
  doctor: async () => (await import('./doctor.js')).doctorCommand,
  topics: async () => (await import('./topics.js')).topicsCommand,
  worker: async () => {
    const { workerCommand } = await import('./worker.js')
    return workerCommand((await import('./compose-worker.js')).composeWorker)
  },
  serve: async () => (await import('./serve.js')).serveCommand,
}

/**
 * The command that a command line names; all of them where it names none, for the help and for
 * "did you mean".
 *
 * @param argv without node and script
 */
export async function commandsFor(argv: readonly string[]): Promise<RegisterCommand[]> {
  const [name = ''] = argv
  const asked = Object.hasOwn(loaders, name) ? [loaders[name]] : Object.values(loaders)
  return Promise.all(asked.map((load) => load()))
}
