/**
 * The world as a command sees it: streams, folder, clock and signals. Commands take it as a value,
 * so that a test can run one without a process.
 */
export interface CliIo {
  /** Results: what a script reads. */
  readonly out: (text: string) => void
  /** Everything else: progress, log lines, errors. */
  readonly err: (text: string) => void
  /** Whether `err` is a terminal, where a line may be rewritten. */
  readonly isTerminal: boolean
  /** Width of the terminal in characters. */
  readonly columns: number
  readonly cwd: string
  /** The environment's variables: configuration only. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Wall clock in ms; progress only, never data. */
  readonly now: () => number
  /** Registers for SIGINT and SIGTERM; answers how to unregister. */
  readonly onSignal: (listener: (signal: NodeJS.Signals) => void) => () => void
  /** Ends the process at once: for a second signal only. */
  readonly exit: (code: number) => void
}

/** The real process. */
export function processIo(): CliIo {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // The reader went away (`tidemark … | head`): that is no failure of ours.
      if (error.code === 'EPIPE') process.exit(0)
      throw error
    })
  }
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    isTerminal: process.stderr.isTTY,
    columns: process.stderr.columns ?? 80,
    cwd: process.cwd(),
    environment: process.env,
    now: Date.now,
    onSignal: (listener) => {
      process.on('SIGINT', listener)
      process.on('SIGTERM', listener)
      return () => {
        process.off('SIGINT', listener)
        process.off('SIGTERM', listener)
      }
    },
    exit: (code) => process.exit(code),
  }
}
