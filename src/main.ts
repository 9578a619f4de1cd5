#!/usr/bin/env -S node --max-semi-space-size=64
/**
 * The `tidemark` binary: the one place that names all commands and touches the real process.
 *
 * Rows and records live for a commit or two. With V8's default of 16 MB for young objects many are
 * moved to the old ones first; with 64 MB an event costs a tenth less (`bench/`).
 */
import { widenBufferPool } from './cli/buffer-pool.js'
import { composeStart } from './cli/compose-start.js'
import { configCommand } from './cli/config.js'
import { doctorCommand } from './cli/doctor.js'
import { ingestCommand } from './cli/ingest.js'
import { processIo } from './cli/io.js'
import { runProgram, type RegisterCommand } from './cli/program.js'
import { replayCommand } from './cli/replay.js'
import { schemasCommand } from './cli/schemas.js'
import { scrubCommand } from './cli/scrub.js'
import { startCommand } from './cli/start.js'
import { verifyCommand } from './cli/verify.js'

const commands: readonly RegisterCommand[] = [
  startCommand(composeStart),
  ingestCommand,
  replayCommand,
  verifyCommand,
  scrubCommand,
  configCommand,
  schemasCommand,
  doctorCommand,
]

widenBufferPool()
process.exitCode = await runProgram(process.argv.slice(2), processIo(), commands)
