import { exitCode, TidemarkError } from '../errors.js'
import type { CliIo } from './io.js'

/** Signals closer together than this are one wish. */
const sameSignalMs = 1000

/**
 * Runs `work` with a signal that SIGINT or SIGTERM aborts: the first one asks for a graceful stop,
 * a second one ends the process at once with exit 1. Who cannot finish raises the signal's reason,
 * `STOPPED` (exit 75).
 */
export async function stoppable<T>(io: CliIo, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  let firstAt = 0
  const forget = io.onSignal((signal) => {
    if (stop.signal.aborted) {
      // Under `npm start` one Ctrl-C arrives twice: from the terminal, and passed on by npm.
      if (io.now() - firstAt < sameSignalMs) return
      io.err(`\ntidemark: second ${signal}, not waiting for what is in flight\n`)
      io.exit(exitCode.bug)
      return
    }
    firstAt = io.now()
    const retry = { exit: exitCode.tryAgain, retry: 'now' } as const
    stop.abort(new TidemarkError('STOPPED', `stopped by ${signal} before the end`, retry))
    io.err(`\ntidemark: ${signal}, finishing what is in flight; once more to stop at once\n`)
  })
  try {
    return await work(stop.signal)
  } finally {
    forget()
  }
}
