#!/usr/bin/env -S MALLOC_ARENA_MAX=2 node --max-semi-space-size=64
/**
 * The `tidemark` binary: the one place that names all commands and touches the real process.
 *
 * Rows and records live for a commit or two. With V8's default of 16 MB for young objects many are
 * moved to the old ones first; with 64 MB an event of the churn app cost 4 to 12 % less CPU in three
 * pairs of runs. LevelDB's and libuv's threads would each keep what they freed in an arena of their
 * own; two arenas for all saved 70 MB of 830. `npm start` says both again (`package.json`).
 */
import { composeStart } from './cli/compose-start.js'
import { composeWorker } from './cli/compose-worker.js'
import { configCommand } from './cli/config.js'
import { doctorCommand } from './cli/doctor.js'
import { ingestCommand } from './cli/ingest.js'
import { processIo } from './cli/io.js'
import { runProgram, type RegisterCommand } from './cli/program.js'
import { replayCommand } from './cli/replay.js'
import { schemasCommand } from './cli/schemas.js'
import { scrubCommand } from './cli/scrub.js'
import { serveCommand } from './cli/serve.js'
import { startCommand } from './cli/start.js'
import { topicsCommand } from './cli/topics.js'
import { verifyCommand } from './cli/verify.js'
import { workerCommand } from './cli/worker.js'

const commands: readonly RegisterCommand[] = [
  startCommand(composeStart),
  ingestCommand,
  replayCommand,
  verifyCommand,
  scrubCommand,
  configCommand,
  schemasCommand,
  doctorCommand,
  topicsCommand,
  workerCommand(composeWorker),
  serveCommand,
]

process.exitCode = await runProgram(process.argv.slice(2), processIo(), commands)
