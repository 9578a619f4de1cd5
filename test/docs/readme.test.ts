import { spawn, type ChildProcess } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { isFree } from '../support/free-port.js'
import { blocksOf } from './markdown.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = await readFile(join(root, 'README.md'), 'utf8')
const blocks = blocksOf(readme)
const [starting, asking, loading, ...others] = blocks.filter(({ language }) => language === 'sh')

/** What a fresh clone has of what the commands need; copied, so that no build or data of ours is touched. */
const copied = 'package.json tsconfig.json tsconfig.build.json src scripts schemas bundles'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-readme-'))
  for (const name of copied.split(' ')) {
    await cp(join(root, name), join(folder, name), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  const { code, output } = await new Running('npm run build').ended
  if (code !== 0) throw new Error(`the build failed: ${output}`)
}, 240_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** A command of the README in a shell that stops at the first failure, as the reader would. */
class Running {
  output = ''
  readonly ended: Promise<Ended>
  private readonly child: ChildProcess

  constructor(command: string) {
    // A group of its own, so that a signal reaches all of it, as Ctrl-C does.
    this.child = spawn('bash', ['-euo', 'pipefail', '-c', command], { cwd: folder, detached: true })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (bytes: Buffer) => (this.output += bytes.toString()))
    }
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code) => resolve({ code, output: this.output }))
    })
  }

  signal(name: NodeJS.Signals): void {
    if (this.child.exitCode !== null || this.child.pid === undefined) return
    try {
      process.kill(-this.child.pid, name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** Runs a command again until it succeeds: the reader, too, waits until the page is there. */
async function succeeds(command: string): Promise<string> {
  let last: Ended | null = null
  await expect
    .poll(async () => (last = await new Running(command).ended).code, {
      timeout: 90_000,
      interval: 500,
      message: command,
    })
    .toBe(0)
  return last!.output
}

describe('README', () => {
  it('every command of it is run here', () => {
    expect(starting.text).toBe('npm ci && npm start\n')
    expect(others).toEqual([])
  })

  it('starts the demo, which answers and stops', { timeout: 240_000 }, async (context) => {
    if (!(await isFree(8080))) context.skip('port 8080 is taken by another process')
    // The packages are those of this run, so `npm ci` is not repeated.
    const started = new Running('exec npm start')
    onTestFinished(() => started.signal('SIGKILL'))
    await expect.poll(() => started.output, { timeout: 120_000 }).toContain('http://127.0.0.1:8080')
    const [ready, customer, top, metrics] = asking.text.trim().split('\n')
    await succeeds(ready)
    const snapshot = JSON.parse(await succeeds(customer)) as object
    expect(snapshot).toMatchObject({ customer: 'c0000001', synthetic: true })
    expect(JSON.parse(await succeeds(top))).toMatchObject({ by: 'change', synthetic: true })
    expect(JSON.parse(await succeeds(top))).toMatchObject({ by: 'change', synthetic: true })
    expect(await succeeds(metrics)).toMatch(/cause="time"/)
    started.signal('SIGINT')
    const { code, output } = await started.ended
    expect(output).toMatch(/Stopped: \d+ records and \d+ scores are committed/)
    expect(code).toBe(0)
  })

  it('loads, scores, verifies and replays the files that it shows', async () => {
    const { code, output } = await new Running(loading.text).ended
    expect({ code, output }).toMatchObject({ code: 0 })
    expect(output).toContain('3 rows: 3 events, 0 rejected')
    expect(output).toMatch(/Stopped: 3 records and \d+ scores are committed/)
    expect(output).toContain('0 mismatches, 0 missing')
    expect(output).toContain('12 rows in data/rows.parquet')
    expect((await stat(join(folder, 'data/rows.parquet'))).size).toBeGreaterThan(0)
  }, 120_000)

  it('lists the commands that there are', async () => {
    const { code, output } = await new Running('npx tidemark --help').ended
    expect({ code, output }).toMatchObject({ code: 0 })
    const there = [...output.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name)
    const listed = [...readme.matchAll(/^\| `npx tidemark (\w+)`/gm)].map(([, name]) => name)
    expect(listed.sort()).toEqual(there.filter((name) => name !== 'help').sort())
  })

  it('shows an app as it is', async () => {
    const app = await readFile(join(root, 'src/apps/churn/features.ts'), 'utf8')
    const lines = blocks
      .find(({ language }) => language === 'ts')!
      .text.trimEnd()
      .split('\n')
    let from = 0
    const astray = lines.filter((line) => {
      const at = app.indexOf(`${line}\n`, from)
      if (at >= 0) from = at + line.length
      return at < 0
    })
    expect(astray).toEqual([])
  })
})
