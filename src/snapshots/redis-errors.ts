/** What a Redis server or the way to it answers, as failures that people and scripts can tell. */
import { type ExitCode, exitCode, type Retry, TidemarkError } from '../errors.js'

interface Kind {
  readonly code: string
  readonly exit: ExitCode
  readonly retry: Retry
  readonly advice: string
}

const refused: Kind = {
  code: 'REDIS_REFUSED',
  exit: exitCode.configuration,
  retry: 'never',
  advice: 'check user, password and ACL',
}

const full: Kind = {
  code: 'REDIS_FULL',
  exit: exitCode.dependency,
  retry: 'later',
  advice: 'give it more memory',
}

const readOnly: Kind = {
  code: 'REDIS_READ_ONLY',
  exit: exitCode.dependency,
  retry: 'later',
  advice: 'it is a replica, or may not write to its disk',
}

const taken: Kind = {
  code: 'REDIS_PREFIX_TAKEN',
  exit: exitCode.configuration,
  retry: 'never',
  advice: 'somebody else keeps keys behind this prefix',
}

const unavailable: Kind = {
  code: 'REDIS_UNAVAILABLE',
  exit: exitCode.dependency,
  retry: 'later',
  advice: 'workers and servers ask it again until it answers',
}

/** By the first word of the server's reply; all other failures pass. */
const kinds: Readonly<Record<string, Kind>> = {
  NOAUTH: refused,
  WRONGPASS: refused,
  NOPERM: refused,
  OOM: full,
  READONLY: readOnly,
  MISCONF: readOnly,
  WRONGTYPE: taken,
}

/**
 * The failure behind what ioredis threw. `step` says what was under way.
 *
 * @example redisError(new Error('OOM command not allowed'), 'writing snapshots').code // 'REDIS_FULL'
 */
export function redisError(error: unknown, step: string): TidemarkError {
  if (error instanceof TidemarkError) return error
  const text = textOf(error)
  const { code, exit, retry, advice } = kinds[replyWord(text)] ?? unavailable
  return new TidemarkError(code, `Redis, ${step}: ${text}; ${advice}`, {
    exit,
    retry,
    cause: error,
  })
}

/** ioredis refuses in its own words what would wait for a connection. */
const notConnected = "Stream isn't writeable and enableOfflineQueue options is false"

function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text === notConnected ? 'there is no connection' : text
}

/** Of Redis 6 to 7.0, and since 7.2. */
const forbiddenInScript = /^ERR (The user executing the script can't|ACL failure in script)/

/**
 * A reply begins with its kind; inside of a script the server puts `ERR` in front of some, and has a
 * sentence of its own for what the user may not do there.
 */
function replyWord(text: string): string {
  if (forbiddenInScript.test(text)) return 'NOPERM'
  const [first, second] = text.split(' ', 2)
  const word = first === 'ERR' && second in kinds ? second : first
  return word.replace(/[^A-Z]/g, '')
}

/** Whether the server lost the scripts that it was given. */
export function isScriptUnknown(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
