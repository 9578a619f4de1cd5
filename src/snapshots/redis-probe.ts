/** What a Redis says to a user who leaves nothing behind: whether he may come in, and may write. */
import { TidemarkError } from '../errors.js'
import type { RedisAddress } from './redis-address.js'
import { RedisLink, scriptCall } from './redis-link.js'
import { tryOut } from './redis-scripts.js'

export interface RedisOutcome {
  readonly step: 'auth' | 'acl' | 'policy'
  readonly ok: boolean
  readonly text: string
  /** Whether only a person can mend it. */
  readonly isLasting: boolean
}

/** What the probe writes is gone after so many seconds, should the probe die. */
const keptSeconds = 10

/** `prefix` is that of the app's keys. The steps up to the first that fails. */
export async function probeRedis(address: RedisAddress, prefix: string): Promise<RedisOutcome[]> {
  const times = { silenceMsMax: 5_000, pauseMsMax: 1_000 }
  const outcomes: RedisOutcome[] = []
  let link: RedisLink | null = null
  try {
    link = new RedisLink(address, times)
    const away = await link.connect(5_000)
    if (away !== null) throw away
    outcomes.push({ step: 'auth', ok: true, text: 'let in', isLasting: false })
    outcomes.push(await policyOf(link))
    const key = `${prefix}:doctor`
    const rest = ['1', 'EX', String(keptSeconds)]
    await link.send([{ command: 'set', keys: [key], rest }], `writing ${key}`)
    try {
      await link.send([scriptCall(tryOut, [key], [])], `running scripts on ${key}`)
    } finally {
      await link.send([{ command: 'del', keys: [key], rest: [] }], `deleting ${key}`)
    }
    for await (const _ of link.scan(key, `looking for ${key}`)) break
    const text = `may write ${prefix}:*, also in scripts`
    outcomes.push({ step: 'acl', ok: true, text, isLasting: false })
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error
    const isLasting = error.retry === 'never'
    const step = outcomes.length === 0 ? 'auth' : 'acl'
    outcomes.push({ step, ok: false, text: `${error.code}: ${error.message}`, isLasting })
  } finally {
    link?.close()
  }
  return outcomes
}

async function policyOf(link: RedisLink): Promise<RedisOutcome> {
  const { evicts } = await link.servers()
  const text =
    evicts === null
      ? 'drops no keys of ours'
      : `drops keys when its memory is full (${evicts}); set maxmemory-policy noeviction`
  return { step: 'policy', ok: evicts === null, text, isLasting: true }
}
