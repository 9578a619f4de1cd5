/** All commands of the `tidemark` binary, with what they are made of. */
import { archiveCommand } from './archive.js'
import { composeStart } from './compose-start.js'
import { composeWorker } from './compose-worker.js'
import { configCommand } from './config.js'
import { doctorCommand } from './doctor.js'
import { ingestCommand } from './ingest.js'
import type { RegisterCommand } from './program.js'
import { replayCommand } from './replay.js'
import { schemasCommand } from './schemas.js'
import { scrubCommand } from './scrub.js'
import { serveCommand } from './serve.js'
import { startCommand } from './start.js'
import { topicsCommand } from './topics.js'
import { verifyCommand } from './verify.js'
import { workerCommand } from './worker.js'

/** In the order in which `--help` lists them. */
export const commands: readonly RegisterCommand[] = [
  startCommand(composeStart),
  ingestCommand,
  replayCommand,
  verifyCommand,
  archiveCommand,
  scrubCommand,
  configCommand,
  schemasCommand,
  doctorCommand,
  topicsCommand,
  workerCommand(composeWorker),
  serveCommand,
]
