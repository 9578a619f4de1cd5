/** What must hold between options. Each check is silent where an option is not even of its kind. */
import { type Fault, valueAt } from './faults.js'

/** The tree with what is left out filled in, as far as it could be. */
export function crossFaults(tree: unknown): Fault[] {
  return [...kafkaFaults(tree), ...redisFaults(tree), ...registryFaults(tree)]
}

function kafkaFaults(tree: unknown): Fault[] {
  const faults: Fault[] = []
  const place = 'clientId with clientSecret'
  faults.push(...userFaults(tree, ['kafka', 'sasl', 'tokenUrl'], place))
  const heartbeatMs = numberAt(tree, ['kafka', 'heartbeatMs']) ?? 1_000
  const sessionMs = numberAt(tree, ['kafka', 'sessionMs']) ?? 10_000
  if (heartbeatMs >= sessionMs) {
    const path = ['kafka', 'heartbeatMs']
    const text = `${heartbeatMs} is not below sessionMs, ${sessionMs}; a third of it is usual`
    faults.push({ path, text })
  }
  const transactionMs = numberAt(tree, ['kafka', 'transactionMs']) ?? 10_000
  const commitAgeMsMax = numberAt(tree, ['limits', 'commitAgeMsMax']) ?? 100
  if (commitAgeMsMax * 2 > transactionMs) {
    const path = ['limits', 'commitAgeMsMax']
    const text = `${commitAgeMsMax} is above half of kafka.transactionMs, ${transactionMs}`
    faults.push({ path, text: `${text}: brokers would abort commits` })
  }
  for (const [one, other] of [
    ['cert', 'key'],
    ['key', 'cert'],
  ]) {
    if (valueAt(tree, ['kafka', 'ssl', one]) === undefined) continue
    if (valueAt(tree, ['kafka', 'ssl', other]) !== undefined) continue
    faults.push({ path: ['kafka', 'ssl', other], text: `it is missing: ${one} needs it` })
  }
  return faults
}

const redisWays = ['url', 'cluster', 'sentinels']

function redisFaults(tree: unknown): Fault[] {
  const redis = valueAt(tree, ['redis'])
  if (typeof redis !== 'object' || redis === null) return []
  const faults: Fault[] = []
  const ways = redisWays.filter((way) => valueAt(redis, [way]) !== undefined)
  if (ways.length !== 1) {
    const came = ways.length === 0 ? 'none of them' : ways.join(' and ')
    faults.push({ path: ['redis'], text: `one of url, cluster and sentinels is due, not ${came}` })
  }
  const needs = (name: string, due: string) => {
    if (valueAt(redis, [name]) === undefined || valueAt(redis, [due]) !== undefined) return
    faults.push({ path: ['redis', due], text: `it is missing: ${name} needs it` })
  }
  needs('sentinels', 'sentinelMaster')
  needs('sentinelMaster', 'sentinels')
  needs('sentinelPassword', 'sentinels')
  needs('username', 'password')
  return faults
}

function registryFaults(tree: unknown): Fault[] {
  const path = ['schemaRegistry', 'auth']
  const faults: Fault[] = []
  const auth = valueAt(tree, path)
  if (typeof auth === 'object' && auth !== null) {
    const has = ['username', 'password', 'token'].filter((name) => name in auth).join()
    if (has !== 'username,password' && has !== 'token') {
      faults.push({ path, text: 'username and password are due, or token alone' })
    }
  }
  return [...faults, ...userFaults(tree, ['schemaRegistry', 'url'], 'auth')]
}

/** A user or a password in an address would be printed with it. */
function userFaults(tree: unknown, path: readonly string[], place: string): Fault[] {
  const url = valueAt(tree, path)
  if (typeof url !== 'string' || !URL.canParse(url)) return []
  const { username, password } = new URL(url)
  if (username === '' && password === '') return []
  return [{ path, text: `user and password are no part of it: ${place} is the place for them` }]
}

function numberAt(tree: unknown, path: readonly string[]): number | null {
  const value = valueAt(tree, path)
  // What is no duration at all is told by its own fault.
  return Number.isInteger(value) && (value as number) > 0 ? (value as number) : null
}
