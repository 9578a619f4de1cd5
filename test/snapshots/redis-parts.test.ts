/** The parts of the Redis store that need no server. */
import { describe, expect, test } from 'vitest'
import type { RedisLink } from '../../src/snapshots/redis-link.js'
import { redisClient } from '../../src/snapshots/redis-address.js'
import { redisError } from '../../src/snapshots/redis-errors.js'
import { RedisKeys } from '../../src/snapshots/redis-keys.js'
import { fieldsOf, rowOf } from '../../src/snapshots/redis-row.js'
import { RedisSample } from '../../src/snapshots/redis-sample.js'
import { rowFields } from '../../src/snapshots/redis-scripts.js'
import { serversOf } from '../../src/snapshots/redis-servers.js'
import { slotOf } from '../../src/snapshots/redis-slot.js'
import { WaitingRows } from '../../src/snapshots/redis-waiting.js'
import { textRows } from '../support/redis-rows.js'

const times = { silenceMsMax: 100, pauseMsMax: 100 }

describe('slots', () => {
  test.each([
    ['foo', 12182],
    ['123456789', 12739],
    ['', 0],
    ['{user1000}.following', slotOf('user1000')],
    ['foo{}{bar}', 8363],
    ['foo{{bar}}zap', slotOf('{bar')],
    ['foo{bar}{zap}', slotOf('bar')],
    ['ü', slotOf('{ü}x')],
  ])('%s is where the cluster specification has it', (key, slot) => {
    expect(slotOf(key)).toBe(slot)
  })
})

describe('an address', () => {
  test.each([
    [{}, 'not 0 of them'],
    [{ url: 'redis://a', cluster: [{ host: 'a', port: 1 }] }, 'not 2 of them'],
    [{ url: 'localhost' }, 'cannot be read'],
    [{ url: 'http://a:1' }, 'begins with http:'],
    [{ cluster: [] }, 'cluster names no node'],
    [{ sentinels: { name: 'm', nodes: [] } }, 'sentinels names no node'],
  ])('%j is refused', (address, text) => {
    const refused = { code: 'REDIS_ADDRESS', exit: 78, message: expect.stringContaining(text) }
    expect(() => redisClient(address, times)).toThrow(expect.objectContaining(refused))
  })

  test('that cannot be read is not told, for it may hold a password', () => {
    expect(() => redisClient({ url: 'user:secret@host' }, times)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })
})

describe('a reply', () => {
  test.each([
    ['OOM command not allowed when used memory > maxmemory.', 'REDIS_FULL', 'later'],
    ['READONLY You can not write against a read only replica.', 'REDIS_READ_ONLY', 'later'],
    ['MISCONF Redis is configured to save RDB snapshots', 'REDIS_READ_ONLY', 'later'],
    ['WRONGPASS invalid username-password pair', 'REDIS_REFUSED', 'never'],
    ['NOPERM this user has no permissions', 'REDIS_REFUSED', 'never'],
    ['WRONGTYPE Operation against a key', 'REDIS_PREFIX_TAKEN', 'never'],
    ['ERR WRONGTYPE Operation against a key', 'REDIS_PREFIX_TAKEN', 'never'],
    ['LOADING Redis is loading the dataset in memory', 'REDIS_UNAVAILABLE', 'later'],
    ['CLUSTERDOWN The cluster is down', 'REDIS_UNAVAILABLE', 'later'],
    ['connect ECONNREFUSED 127.0.0.1:1', 'REDIS_UNAVAILABLE', 'later'],
  ])('%s is %s', (text, code, retry) => {
    expect(redisError(new Error(text), 'trying')).toMatchObject({ code, retry })
  })
})

describe('servers', () => {
  const info = (facts: Record<string, string>) =>
    Object.entries({ run_id: 'a', master_replid: 'b', maxmemory: '0', ...facts })
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join('')

  test('are the same in any order, and others after a restart or a failover', () => {
    const [one, other] = [info({}), info({ run_id: 'c' })]
    const { fingerprint } = serversOf([one, other])
    expect(serversOf([other, one]).fingerprint).toBe(fingerprint)
    expect(serversOf([one]).fingerprint).not.toBe(fingerprint)
    const promoted = info({ master_replid: 'd' })
    expect(serversOf([promoted, other]).fingerprint).not.toBe(fingerprint)
  })

  test.each([
    ['0', 'allkeys-lru', null],
    ['100', 'noeviction', null],
    ['100', 'volatile-lru', null],
    ['100', 'allkeys-lru', 'allkeys-lru'],
  ])('with maxmemory %s and %s evict by %s', (maxmemory, maxmemory_policy, evicts) => {
    expect(serversOf([info({ maxmemory, maxmemory_policy })]).evicts).toBe(evicts)
  })
})

test('names of keys are refused where they could mean two things', () => {
  expect(() => new RedisKeys('a:b', '1')).toThrow(
    expect.objectContaining({ code: 'REDIS_PREFIX_INVALID' }),
  )
  expect(() => new RedisKeys('a', '*')).toThrow('generation "*"')
  expect(() => new RedisKeys('a', '1', 'x:y')).toThrow('prefix "x:y"')
  expect(new RedisKeys('a', '1', 'team').customer('c:1')).toBe('team:a:1:customer:c:1')
  expect(new RedisKeys('a', '1', 'team').customerOf('team:a:1:customer:c:1')).toBe('c:1')
})

test('a row has a value for each field, and a tombstone no features', () => {
  const put = { customer: 'a', features: Buffer.from('x'), score: null }
  const fields = fieldsOf(rowOf(put, 3, 7, true), textRows)
  expect(fields).toHaveLength(rowFields.length)
  expect(Object.fromEntries(rowFields.map((name, i) => [name, String(fields[i])]))).toEqual({
    version: '7',
    partition: '3',
    asOf: '1000',
    validUntil: '',
    retired: '',
    score: '',
    risk: '',
    model: '',
    features: '{"text":"x"}',
    featuresRecord: 'x',
    scoreRecord: '',
  })
  const erased = fieldsOf(rowOf({ ...put, features: null }, 3, 8, true), textRows)
  expect(erased).toHaveLength(rowFields.length)
  expect(erased[rowFields.indexOf('features')]).toBe('')
})

test('of rows that wait the newest stays, whatever fails meanwhile', () => {
  const rows = new WaitingRows()
  const row = (version: number) =>
    rowOf({ customer: 'a', features: Buffer.alloc(10), score: null }, 0, version, true)
  rows.add(row(5))
  rows.add(row(4))
  expect(rows.find('a')?.version).toBe(5)
  expect(rows.take().map(({ row }) => row.version)).toEqual([5])
  rows.add(row(5))
  rows.add(row(3))
  expect(rows.count).toBe(1)
  rows.add(row(6))
  rows.failed()
  expect([rows.count, rows.find('a')?.version]).toEqual([1, 6])
  const { bytes } = rows
  rows.take()
  expect(rows.bytes).toBe(bytes)
  rows.sent()
  expect([rows.count, rows.bytes]).toEqual([0, 0])
})

test('who leaves while he is looked at is not looked for again', async () => {
  const asked: number[] = []
  let answer: () => void = () => undefined
  const link = {
    send: (calls: readonly unknown[]) => {
      asked.push(calls.length)
      return new Promise((resolve) => {
        answer = () => resolve(calls.map(() => Buffer.from('5')))
      })
    },
  } as unknown as RedisLink
  const sample = new RedisSample(link, new RedisKeys('test', '1'))
  const of = (customer: string) =>
    rowOf({ customer, features: Buffer.alloc(1), score: null }, 0, 5, true)
  sample.remember([of('stays'), of('leaves')])
  for (const leaving of ['leaves', 'nobody']) {
    const looked = sample.missing()
    sample.leave([leaving])
    answer()
    expect(await looked).toEqual(new Set())
  }
  expect(asked).toEqual([2, 1])
})
