import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { runProgram } from '../../src/cli/program.js'
import { startCommand, type Compose, type StartHooks } from '../../src/cli/start.js'
import type { StartOptions } from '../../src/cli/start-options.js'
import { ioError } from '../../src/errors.js'
import { engineStatus, served } from '../serving/made-up.js'
import { TestIo } from './io.js'

interface Run {
  options?: StartOptions
  hooks?: StartHooks
  closed: number
}

/** A composition of made-up parts; `work` is what its engine does. */
function compose(run: Run, work: (stop: AbortSignal) => Promise<void>): Compose {
  return async (options, hooks) => {
    run.options = options
    run.hooks = hooks
    const { engine, lookups, rows, changes, lagAllowanceMs } = served(() => engineStatus())
    const close = async () => void (run.closed += 1)
    const topic = 'churn.events'
    const parts = { engine, topic, lookups, rows, changes, lagAllowanceMs }
    return { ...parts, notReady: () => [], run: work, close }
  }
}

const untilStopped = (stop: AbortSignal) =>
  new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve()))

const command = (line: string, io: TestIo, parts: Compose) =>
  runProgram(`start --port 0 ${line}`.trim().split(' '), io, [startCommand(parts)])

describe('start', () => {
  it('serves while it runs, stops at a signal with exit 0, and closes what it opened', async () => {
    const io = new TestIo()
    const run: Run = { closed: 0 }
    const code = command('--json', io, compose(run, untilStopped))
    await expect.poll(() => io.stdout).toContain('serving')
    const { url, port, synthetic } = JSON.parse(io.stdout)
    expect(synthetic).toBe(true)
    expect(url).toBe(`http://127.0.0.1:${port}`)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    run.hooks!.onCommit(0, 0.2)
    const row = {
      cause: 'event',
      asOf: 1,
      probability: 0.9,
      risk: 'high',
      commit: 1,
      partition: 0,
      endOffset: 9,
    } as const
    run.hooks!.board.observe(['a', 'b'].map((customer) => ({ ...row, customer })))
    expect(await (await fetch(`${url}/metrics`)).text()).toContain(
      'tidemark_commit_duration_seconds_count{partition="0"} 1',
    )
    io.signal('SIGTERM')
    expect(await code).toBe(0)
    expect(run.closed).toBe(1)
    expect(io.listeners).toBe(0)
    const last = io.stdout.trim().split('\n').at(-1)!
    expect(JSON.parse(last)).toEqual({ event: 'stopped', records: 1_204_310, scores: 2 })
    await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed')
  })

  it('a second signal does not wait', async () => {
    const io = new TestIo()
    let finish = () => {}
    const stuck = () => new Promise<void>((resolve) => (finish = resolve))
    const code = command('', io, compose({ closed: 0 }, stuck))
    await expect.poll(() => io.stdout).toContain('Page   http://127.0.0.1:')
    io.signal('SIGINT')
    // Within a second it is the same wish, which a terminal and npm both pass on.
    io.signal('SIGINT')
    expect(io.exits).toEqual([])
    io.clock += 1000
    io.signal('SIGINT')
    expect(io.exits).toEqual([1])
    finish()
    await code
  })

  it('ends by itself when the engine is done, and fails when the engine fails', async () => {
    const run: Run = { closed: 0 }
    expect(
      await command(
        '--exit-when-done',
        new TestIo(),
        compose(run, async () => {}),
      ),
    ).toBe(0)
    const io = new TestIo()
    const failing = () => Promise.reject(ioError('STORE_DAMAGED', 'partition 0 is damaged'))
    expect(await command('', io, compose(run, failing))).toBe(74)
    expect(io.stderr).toBe('tidemark: STORE_DAMAGED: partition 0 is damaged\n')
    expect(run.closed).toBe(2)
  })

  it('a taken port ends it before the engine runs, with everything closed', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as AddressInfo
    const io = new TestIo()
    const run: Run = { closed: 0 }
    let ran = false
    const parts = compose(run, async () => void (ran = true))
    expect(await runProgram(['start', '--port', `${port}`], io, [startCommand(parts)])).toBe(74)
    expect(io.stderr).toContain('tidemark: PORT_IN_USE: ')
    expect(ran).toBe(false)
    expect(run.closed).toBe(1)
    taken.close()
  })

  it.each([
    ['', { kind: 'default' }],
    ['--generate 250.5', { kind: 'generate', rate: 250.5, speed: null }],
    ['--generate 10 --speed 60x', { kind: 'generate', rate: 10, speed: 60 }],
    [
      '--from a.csv b.csv.gz --sql q.sql',
      {
        kind: 'files',
        files: ['/somewhere/a.csv', '/somewhere/b.csv.gz'],
        sql: '/somewhere/q.sql',
        speed: 'max',
      },
    ],
    [
      '--from /a.csv --sql q.sql --speed 1000x',
      { kind: 'files', files: ['/a.csv'], sql: '/somewhere/q.sql', speed: 1000 },
    ],
  ])('start %s takes its events from there', async (line, source) => {
    const run: Run = { closed: 0 }
    expect(
      await command(
        line,
        new TestIo(),
        compose(run, async () => {}),
      ),
    ).toBe(0)
    expect(run.options).toMatchObject({ source, dataDirectory: '/somewhere/.tidemark-data' })
  })
})
