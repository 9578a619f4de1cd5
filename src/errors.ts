/**
 * The three kinds of failure, and the codes by which people and scripts tell them apart.
 *
 * Bad data is a reject in the batch and never thrown. The world failing is a {@link TidemarkError}.
 * We being wrong is an `assert` and a crash.
 */

/** Process exit codes, after sysexits.h. */
export const exitCode = {
  ok: 0,
  bug: 1,
  usage: 2,
  dependency: 69,
  io: 74,
  tryAgain: 75,
  configuration: 78,
} as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]

/** Whether the same call may succeed: at once, after a pause, or only after somebody acts. */
export type Retry = 'now' | 'later' | 'never'

export interface TidemarkErrorOptions {
  readonly exit: ExitCode
  readonly retry?: Retry
  readonly cause?: unknown
}

/**
 * The world failed, or a person asked for something that cannot be done.
 *
 * `code` is stable and listed in `docs/OPERATIONS.md`; the text may change.
 *
 * @example
 * throw new TidemarkError('DIRECTORY_LOCKED', 'data directory d is locked by pid 7', { exit: 78 })
 */
export class TidemarkError extends Error {
  readonly code: string
  readonly exit: ExitCode
  readonly retry: Retry

  constructor(code: string, text: string, options: TidemarkErrorOptions) {
    super(text, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'TidemarkError'
    this.code = code
    this.exit = options.exit
    this.retry = options.retry ?? 'never'
  }
}

/** A flag, a file or a declaration is wrong; only a person can mend it (exit 78). */
export function configurationError(code: string, text: string, cause?: unknown): TidemarkError {
  return new TidemarkError(code, text, { exit: exitCode.configuration, cause })
}

/** A disk, a file or stored state failed (exit 74). */
export function ioError(code: string, text: string, cause?: unknown): TidemarkError {
  return new TidemarkError(code, text, { exit: exitCode.io, cause })
}

/** The command line itself is wrong (exit 2). */
export function usageError(code: string, text: string): TidemarkError {
  return new TidemarkError(code, text, { exit: exitCode.usage })
}
