#!/usr/bin/env node
/** The `tidemark` binary: the one place that names all commands and touches the real process. */
import { processIo } from './cli/io.js'
import { runProgram, type RegisterCommand } from './cli/program.js'

const commands: readonly RegisterCommand[] = []

process.exitCode = await runProgram(process.argv.slice(2), processIo(), commands)
