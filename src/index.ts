/** The public surface of the library: what an app or an embedding program imports. */
export { exitCode, TidemarkError } from './errors.js'
export type { ExitCode, Retry, TidemarkErrorOptions } from './errors.js'
