/** Real Redis servers of a test's own: on free ports, in temp folders, gone when the test ends. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import { freePort } from './free-port.js'
import { withUs } from './with-us.js'

export interface RedisServerOptions {
  /** More of the command line: `['--maxmemory', '10mb']`. */
  readonly flags?: readonly string[]
  readonly port?: number
  /** Lives until `stop`, and not until the running test has finished. */
  readonly isShared?: boolean
}

let found = false

/** The server's name on PATH; installed where this process may. Fails with what to do. */
function executable(): string {
  const name = 'redis-server'
  const isThere = () => spawnSync(name, ['--version']).status === 0
  if (found || isThere()) return ((found = true), name)
  spawnSync('apt-get', ['install', '-y', '-qq', name], { stdio: 'ignore' })
  if (!isThere()) {
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' })
    spawnSync('apt-get', ['install', '-y', '-qq', name], { stdio: 'ignore' })
  }
  if (!isThere()) throw new Error('install redis-server (7 or newer) and have it on PATH')
  // Debian starts one of its own at once; no test wants it.
  found = true
  return name
}

/** One server; it can be killed and started again over the same folder and port. */
export class RedisServer {
  #flags: readonly string[]
  #process: ChildProcess | null = null
  #admin: Redis | null = null

  private constructor(
    public port: number,
    readonly folder: string,
    flags: readonly string[],
  ) {
    this.#flags = flags
  }

  /** Starts one that writes nothing to its disk but on request. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-redis-'))
    const port = options.port ?? (await freePort())
    const server = new RedisServer(port, folder, options.flags ?? [])
    if (options.isShared !== true) onTestFinished(() => server.stop())
    await server.startAgain()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get node(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.port }
  }

  /** Of its own connection, to do things to the server and to read as any client would. */
  get admin(): Redis {
    this.#admin ??= quietClient(this.port)
    return this.#admin
  }

  async startAgain(): Promise<void> {
    const place = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder]
    const calm = ['--save', '', '--loglevel', 'warning', '--repl-diskless-sync-delay', '0']
    const child = withUs(
      spawn(executable(), [...place, ...calm, ...this.#flags], {
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    )
    let said = ''
    child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()))
    child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()))
    this.#process = child
    const until = Date.now() + 10_000
    while (!(await answers(this.port))) {
      if (child.exitCode !== null || Date.now() > until) {
        throw new Error(`redis-server on port ${this.port} did not start: ${said}`)
      }
    }
  }

  /** Starts with its data at the address of another one that is gone. */
  async takeOver(port: number): Promise<void> {
    this.port = port
    this.#flags = []
    await this.startAgain()
  }

  /** As kill -9 does. */
  async kill(): Promise<void> {
    this.#admin?.disconnect()
    this.#admin = null
    const child = this.#process
    this.#process = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** Says nothing any more, and keeps its connections. */
  pause(): void {
    this.#process!.kill('SIGSTOP')
  }

  resume(): void {
    this.#process!.kill('SIGCONT')
  }
}

/** One sentinel, which decides alone, and soon. */
export async function startSentinel(
  name: string,
  master: RedisServer,
): Promise<RedisServer['node']> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-sentinel-'))
  const config = join(folder, 'sentinel.conf')
  await writeFile(
    config,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor ${name} 127.0.0.1 ${master.port} 1`,
      `sentinel down-after-milliseconds ${name} 500`,
      `sentinel failover-timeout ${name} 2000`,
    ].join('\n'),
  )
  const child = spawn(executable(), [config, '--sentinel'], { stdio: 'ignore' })
  onTestFinished(async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
    await rm(folder, { recursive: true, force: true })
  })
  while (!(await answers(port))) await pause()
  // Before it knows the replica there is nothing to fail over to.
  const client = quietClient(port)
  try {
    const replicas = async () => JSON.stringify(await client.call('SENTINEL', 'replicas', name))
    while (!(await replicas()).includes('"master-link-status","ok"')) await pause()
  } finally {
    client.disconnect()
  }
  return { host: '127.0.0.1', port }
}

/** Three masters, without replicas. */
export async function startRedisCluster(
  options: Pick<RedisServerOptions, 'isShared'> = {},
): Promise<RedisServer[]> {
  const flags = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000']
  const servers = await Promise.all([0, 1, 2].map(() => RedisServer.start({ ...options, flags })))
  const nodes = servers.map(({ port }) => `127.0.0.1:${port}`)
  const create = ['--cluster', 'create', ...nodes, '--cluster-replicas', '0', '--cluster-yes']
  execFileSync('redis-cli', create, { stdio: 'pipe' })
  for (const { admin } of servers) {
    while (!(await admin.cluster('INFO')).includes('cluster_state:ok')) await pause()
  }
  return servers
}

async function answers(port: number): Promise<boolean> {
  const client = quietClient(port)
  try {
    return (await client.ping()) === 'PONG'
  } catch {
    await pause()
    return false
  } finally {
    client.disconnect()
  }
}

function quietClient(port: number): Redis {
  const client = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: 1, protocol: 2 })
  client.on('error', () => undefined)
  return client
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20))
}
