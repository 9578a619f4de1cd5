/** `GET /v1/top`. */
import type { FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { TidemarkError } from '../../src/errors.js'
import { buildServer } from '../../src/serving/http.js'
import { engineStatus, madeUpTop, partitionStatus, served } from './made-up.js'

const opened: FastifyInstance[] = []

async function ask(url: string, parts = served()) {
  const server = await buildServer(parts)
  opened.push(server)
  return server.inject({ method: 'GET', url })
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()))
})

const ids = (answer: { json(): { customers: { customer: string }[] } }) =>
  answer.json().customers.map(({ customer }) => customer)

test('without parameters those of highest risk come first, whatever their level', async () => {
  const answer = await ask('/v1/top')
  expect(answer.statusCode).toBe(200)
  const { customers, ...rest } = answer.json()
  expect(rest).toEqual({
    by: 'risk',
    risk: null,
    complete: true,
    movesSince: '2025-03-02T00:00:00.000Z',
    synthetic: true,
  })
  expect(customers).toHaveLength(12)
  expect(customers[0]).toEqual({
    customer: 'c-high-0',
    partition: 0,
    commit: 48_200,
    asOf: '2025-03-03T14:20:00.000Z',
    probability: 0.9,
    risk: 'high',
    movedBy: 0.9 - 0.55,
  })
  expect(customers.at(-1).customer).toBe('c-low-4')
})

test('by change the largest moves come first, up or down, and a level may be asked for', async () => {
  const all = await ask('/v1/top?by=change&limit=4')
  expect(ids(all)).toEqual(['c-high-0', 'c-low-0', 'c-high-1', 'c-low-1'])
  expect(ids(await ask('/v1/top?by=change&risk=low'))).toEqual(['c-low-0', 'c-low-1'])
  expect(ids(await ask('/v1/top?risk=medium&limit=1'))).toEqual(['c-medium-0'])
})

test.each([
  ['risk=higher', 'RISK_INVALID'],
  ['risk=', 'RISK_INVALID'],
  ['risk=high&risk=low', 'RISK_INVALID'],
  ['by=name', 'ORDER_INVALID'],
  ['by=risk&by=change', 'ORDER_INVALID'],
  ['limit=0', 'LIMIT_INVALID'],
  ['limit=51', 'LIMIT_INVALID'],
  ['limit=5.0', 'LIMIT_INVALID'],
  ['limit=', 'LIMIT_INVALID'],
  ['limit=1&limit=2', 'LIMIT_INVALID'],
])('%s is refused', async (parameters, code) => {
  const answer = await ask(`/v1/top?${parameters}`)
  expect([answer.statusCode, answer.json().code]).toEqual([400, code])
})

test('the lists of all partitions are one, as whole as the least of them', async () => {
  const status = () =>
    engineStatus({ partitions: [partitionStatus(), partitionStatus({ partition: 1 })] })
  const high = madeUpTop.risk.high.map((one) => ({ ...one, customer: `other-${one.customer}` }))
  const other = { ...madeUpTop, partition: 1, complete: false, risk: { ...madeUpTop.risk, high } }
  const top = (partition: number) => (partition === 0 ? madeUpTop : other)
  const answer = await ask('/v1/top?risk=high&limit=3', served(status, { top }))
  expect(ids(answer)).toEqual(['c-high-0', 'other-c-high-0', 'c-high-1'])
  expect(answer.json().complete).toBe(false)
  const none = await ask('/v1/top', served(status, { top: () => null }))
  expect(none.json()).toMatchObject({ complete: false, movesSince: null, customers: [] })
})

test('a server that is away is said so', async () => {
  const parts = served()
  const top = () => {
    throw new TidemarkError('REDIS_UNAVAILABLE', 'away', { exit: 69, retry: 'later' })
  }
  const away = await ask('/v1/top', { ...parts, lookups: { ...parts.lookups, top } })
  expect([away.statusCode, away.json().code]).toEqual([503, 'SNAPSHOTS_UNAVAILABLE'])
})
