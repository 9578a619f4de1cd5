/** `GET /v1/customers/:id/history`. */
import type { FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { TidemarkError } from '../../src/errors.js'
import { buildServer } from '../../src/serving/http.js'
import { engineStatus, served } from './made-up.js'

const opened: FastifyInstance[] = []

async function ask(url: string, parts = served()) {
  const server = await buildServer(parts)
  opened.push(server)
  return server.inject({ method: 'GET', url })
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()))
})

test('each step says when, why, by how much, and which features moved', async () => {
  const answer = await ask('/v1/customers/c1/history')
  expect(answer.statusCode).toBe(200)
  const { customer, steps, synthetic } = answer.json()
  expect([customer, steps.length, synthetic]).toEqual(['c1', 4, true])
  expect(steps[0]).toEqual({
    asOf: '2025-03-03T14:19:54.000Z',
    cause: 'time',
    retired: false,
    score: { probability: 0.6248999834060669, risk: 'medium', movedBy: expect.closeTo(0.0437, 5) },
    changed: [{ feature: 'logins_last_7_days', from: 2, to: 1 }],
    coordinates: {
      topic: 'churn.events',
      partition: 0,
      endOffset: 1_204_298,
      asOf: '2025-03-03T14:19:54.000Z',
      commit: 48_207,
    },
  })
  const moved = steps.map(({ changed }: { changed: { feature: string }[] | null }) =>
    changed?.map(({ feature }) => feature),
  )
  expect(moved[1]).toEqual(['plan', 'logins_last_7_days', 'days_since_last_login'])
})

test('the oldest step that is kept says what is, for nothing tells what was before', async () => {
  const { steps } = (await ask('/v1/customers/c1/history')).json()
  const oldest = steps.at(-1)
  expect(oldest.changed).toBeNull()
  expect(oldest.features).toMatchObject({ logins_last_7_days: 1, plan: null, age: 41 })
  expect(oldest.score).toEqual({ probability: null, risk: 'unknown', movedBy: null })
  expect(steps[2].score.movedBy).toBeNull()
  expect(steps[0].features).toBeUndefined()
})

test('fewer steps may be asked for, and the last of them still says what moved', async () => {
  const { steps } = (await ask('/v1/customers/c1/history?limit=2')).json()
  expect(steps).toHaveLength(2)
  expect(steps[1].changed).toHaveLength(3)
})

test.each(['0', '101', '-1', '1e2', 'all', ''])('a limit of %j is refused', async (limit) => {
  const answer = await ask(`/v1/customers/c1/history?limit=${limit}`)
  expect([answer.statusCode, answer.json().code]).toEqual([400, 'LIMIT_INVALID'])
})

test('nobody has no history, and a server that is away is said so', async () => {
  const nobody = await ask('/v1/customers/nobody/history')
  expect([nobody.statusCode, nobody.json().code]).toEqual([404, 'CUSTOMER_NOT_FOUND'])
  const history = () => {
    throw new TidemarkError('REDIS_UNAVAILABLE', 'away', { exit: 69, retry: 'later' })
  }
  const away = await ask('/v1/customers/c1/history', served(engineStatus, { history }))
  expect([away.statusCode, away.json().code]).toEqual([503, 'SNAPSHOTS_UNAVAILABLE'])
})
