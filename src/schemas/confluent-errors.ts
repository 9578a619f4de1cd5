/** What a schema registry, or what stands before it, answers, as failures of ours. */
import { configurationError, exitCode, TidemarkError } from '../errors.js'

/** Error codes by which a registry itself says that something does not exist. */
const absentCodes: ReadonlySet<number> = new Set([40401, 40402, 40403])

interface Answer {
  readonly status: number
  readonly errorCode: number
  readonly text: string
}

/** What the client throws for an answer; null: there was none. */
function answerOf(error: unknown): Answer | null {
  if (!(error instanceof Error) || !('status' in error) || !('errorCode' in error)) return null
  const { status, errorCode, message } = error
  if (typeof status !== 'number' || typeof errorCode !== 'number') return null
  return { status, errorCode, text: message.replace(/; Error code: -?\d+$/, '') }
}

/**
 * Whether the registry says that there is no such thing. A 404 alone proves nothing: a proxy says
 * that too.
 */
export function isAbsent(error: unknown): boolean {
  const answer = answerOf(error)
  return answer !== null && answer.status === 404 && absentCodes.has(answer.errorCode)
}

/** The failure behind what the client threw. `step` says what was under way, `url` of whom. */
export function registryError(error: unknown, url: string, step: string): TidemarkError {
  if (error instanceof TidemarkError) return error
  const where = `the schema registry at ${url}, ${step}`
  const answer = answerOf(error)
  if (answer === null) return unavailable(`${where}: ${reasonOf(error)}`, error)
  const { status, text } = answer
  if (status === 401 || status === 403) {
    const advice = 'check user, password or token, and what they may do'
    return configurationError('REGISTRY_REFUSED', `${where}: HTTP ${status}; ${advice}`, error)
  }
  if (status === 409) return configurationError('SCHEMA_INCOMPATIBLE', `${where}: ${text}`, error)
  if (status === 422) return configurationError('SCHEMA_INVALID', `${where}: ${text}`, error)
  return unavailable(`${where}: HTTP ${status}: ${text}`, error)
}

export function unavailable(text: string, cause?: unknown): TidemarkError {
  const options = { exit: exitCode.dependency, retry: 'later', cause } as const
  return new TidemarkError('REGISTRY_UNAVAILABLE', text, options)
}

/** A failed connection to several addresses is an error without a text, but with a code. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as NodeJS.ErrnoException
  return error.message === '' ? (code ?? error.name) : error.message
}
