/** Histories on a real Redis, against what they are by definition: in any order, put again, erased. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  changeCalls,
  historyCall,
  historyFrom,
  newestChanges,
  type RedisChange,
} from '../../../src/snapshots/redis-changes.js'
import { RedisKeys } from '../../../src/snapshots/redis-keys.js'
import { RedisLink } from '../../../src/snapshots/redis-link.js'
import type { RedisRow } from '../../../src/snapshots/redis-row.js'
import { holdsAlwaysAsync, propertyTimeoutMs } from '../../support/properties.js'
import { RedisServer } from '../../support/redis-server.js'

let server: RedisServer
let link: RedisLink
let customers = 0

beforeAll(async () => {
  server = await RedisServer.start({ isShared: true })
  link = new RedisLink({ url: server.url }, { silenceMsMax: 5000, pauseMsMax: 100 })
  await link.connect(5000)
})

afterAll(async () => {
  link.close()
  await server.stop()
})

const keys = new RedisKeys('test', '1')
const commit = fc.integer({ min: 1, max: 150 })
/** A commit erases a customer or changes him, however often it is put. */
const erasures = fc.uniqueArray(commit, { maxLength: 2 })
const portions = fc.array(fc.array(commit, { minLength: 1, maxLength: 130 }), {
  minLength: 1,
  maxLength: 8,
})

async function isKept(erased: readonly number[], portions: readonly (readonly number[])[]) {
  const customer = `c${customers++}`
  const sent = (name: string, changes: readonly RedisChange[]) => {
    return { row: { customer: name } as RedisRow, changes }
  }
  const all: RedisChange[] = []
  for (const commits of portions) {
    const changes = commits.map((of) => {
      return { commit: of, bytes: erased.includes(of) ? null : Buffer.from(`${of}:x:`) }
    })
    all.push(...changes)
    const together = [sent(customer, changes), sent(`${customer}-other`, changes)]
    await link.send(changeCalls(together, link, keys, 1000), 'adding')
    const kept = newestChanges(all)
    const name = keys.history(customer)
    const asked = [historyCall(keys, customer), { command: 'ttl', keys: [name], rest: [] }]
    const [reply, ttl] = await link.send(asked, 'asking')
    const due = kept.toReversed().flatMap(({ bytes }) => (bytes === null ? [] : [String(bytes)]))
    expect(historyFrom(reply).map(String)).toEqual(due)
    expect(reply).toHaveLength(kept.length)
    // Of somebody who is erased and did not come back, nothing stays for ever.
    expect(Number(ttl) > 0).toBe(kept.at(-1)!.bytes === null)
  }
}

test(
  'in whatever order they come, the newest hundred behind the last erasure are kept',
  async () => holdsAlwaysAsync(200, erasures, portions, isKept),
  propertyTimeoutMs,
)
