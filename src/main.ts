#!/usr/bin/env -S MALLOC_ARENA_MAX=2 node --max-semi-space-size=64
/**
 * The `tidemark` binary: the one place that names all commands and touches the real process.
 *
 * Rows and records live for a commit or two. With V8's default of 16 MB for young objects many are
 * moved to the old ones first; with 64 MB an event of the churn app cost 4 to 12 % less CPU in three
 * pairs of runs. LevelDB's and libuv's threads would each keep what they freed in an arena of their
 * own; two arenas for all saved 70 MB of 830. `npm start` says both again (`package.json`).
 */
import { commandsFor } from './cli/commands.js'
import { processIo } from './cli/io.js'
import { runProgram } from './cli/program.js'

const argv = process.argv.slice(2)
process.exitCode = await runProgram(argv, processIo(), await commandsFor(argv))
