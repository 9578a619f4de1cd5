#!/usr/bin/env node
/** The `tidemark` binary: the one place that names all commands and touches the real process. */
import { composeStart } from './cli/compose-start.js'
import { processIo } from './cli/io.js'
import { runProgram, type RegisterCommand } from './cli/program.js'
import { startCommand } from './cli/start.js'

const commands: readonly RegisterCommand[] = [startCommand(composeStart)]

process.exitCode = await runProgram(process.argv.slice(2), processIo(), commands)
