/** `tidemark serve` over a Redis that is away, comes, or does not let it in. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runProgram } from '../../../src/cli/program.js'
import { serveCommand } from '../../../src/cli/serve.js'
import { TestIo } from '../../cli/io.js'
import { freePort } from '../../support/free-port.js'
import { RedisServer } from '../../support/redis-server.js'
import { tempFolder } from '../../support/temp-folder.js'

async function place(redis: object | null) {
  const folder = await tempFolder()
  const config = { data: 'd', kafka: { brokers: ['nowhere.invalid:1'] }, redis, http: { port: 0 } }
  writeFileSync(join(folder, 'tidemark.yaml'), JSON.stringify(config))
  const io = new TestIo(false, folder)
  const args = ['serve', '--config', 'tidemark.yaml', '--json']
  return { io, run: () => runProgram(args, io, [serveCommand]) }
}

/** Runs it until the test has finished; answers where it serves. */
async function served(redis: object) {
  const { io, run } = await place(redis)
  const ended = run()
  onTestFinished(async () => {
    io.signal('SIGTERM')
    expect(await ended).toBe(0)
    expect(io.stdout).toContain('"event":"stopped"')
  })
  await expect.poll(() => io.stdout, { timeout: 10_000 }).toContain('"event":"serving"')
  const { url } = JSON.parse(io.stdout) as { url: string }
  const status = async (path: string) => (await fetch(`${url}${path}`)).status
  return { io, url, status }
}

test('needs a Redis in the configuration, and no brokers', async () => {
  const { io, run } = await place(null)
  expect(await run()).toBe(78)
  expect(io.stderr).toContain('REDIS_MISSING')
})

test('starts before Redis does, says so, and answers when it is there', async () => {
  const port = await freePort()
  const { io, url, status } = await served({ url: `redis://127.0.0.1:${port}` })
  expect(await status('/healthz')).toBe(200)
  const ready = await fetch(`${url}/readyz`)
  expect([ready.status, ready.headers.get('retry-after')]).toEqual([503, '1'])
  expect(await ready.json()).toMatchObject({ reasons: [{ code: 'REDIS_UNAVAILABLE' }] })
  expect(await status('/v1/customers/c1')).toBe(503)
  expect(await status('/v1/top')).toBe(503)
  expect(await (await fetch(`${url}/metrics`)).text()).toContain(
    'tidemark_snapshots_failing{code="REDIS_UNAVAILABLE"} 1',
  )
  await RedisServer.start({ port })
  await expect.poll(() => status('/readyz'), { timeout: 10_000 }).toBe(200)
  expect(await status('/v1/customers/c1')).toBe(404)
  const top = await (await fetch(`${url}/v1/top?risk=high`)).json()
  expect(top).toMatchObject({ complete: false, customers: [] })
  expect(await status('/v1/changes')).toBe(404)
  expect(io.stderr).toMatch(/lookups wait for Redis: REDIS_UNAVAILABLE[^]*Redis answers again/)
})

test('holds nobody up while Redis says nothing', async () => {
  const redis = await RedisServer.start()
  const { status } = await served({ url: redis.url })
  await expect.poll(() => status('/readyz')).toBe(200)
  redis.pause()
  expect(await status('/v1/customers/c1')).toBe(503)
  await expect.poll(() => status('/readyz'), { timeout: 10_000 }).toBe(503)
  redis.resume()
  await expect.poll(() => status('/readyz'), { timeout: 10_000 }).toBe(200)
})

test('ends at once where Redis does not let it in', async () => {
  const redis = await RedisServer.start()
  await redis.admin.config('SET', 'requirepass', 'right')
  const { io, run } = await place({ url: redis.url, password: 'wrong' })
  expect(await run()).toBe(78)
  expect(io.stderr).toContain('REDIS_REFUSED')
})
