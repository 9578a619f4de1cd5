/**
 * A real schema registry for tests: Apicurio, which speaks Confluent's interface, in memory.
 *
 * Its zip is fetched once a user by Maven. SCHEMA_REGISTRY_URL names another one, of any make: tests
 * use subjects of their own, but they do register and set compatibility there.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.js'

const version = '3.0.9'
const startMsMax = 60_000

const advice =
  'to test against a schema registry, give SCHEMA_REGISTRY_URL of one, or install a JDK 17 and ' +
  'Maven (Debian: apt-get install openjdk-17-jre-headless maven)'

export class RegistryServer {
  private constructor(
    readonly url: string,
    private readonly process: ChildProcess | null,
  ) {}

  /** To be awaited in a hook with minutes of time: the first start fetches 109 MB. */
  static async start(): Promise<RegistryServer> {
    const given = process.env['SCHEMA_REGISTRY_URL']
    if (given !== undefined && given !== '') return new RegistryServer(given, null)
    const folder = await unpacked()
    const port = await freePort()
    const flags = ['-Xmx384m', '-XX:TieredStopAtLevel=1', '-jar']
    const child = spawn('java', [...flags, `apicurio-registry-app-${version}-runner.jar`], {
      cwd: folder,
      env: { ...process.env, QUARKUS_HTTP_PORT: String(port), QUARKUS_HTTP_HOST: '127.0.0.1' },
      stdio: 'ignore',
    })
    const server = new RegistryServer(`http://127.0.0.1:${port}/apis/ccompat/v7`, child)
    await server.#ready(child)
    return server
  }

  /** Whether nobody else's schemas are in it: then ids begin with 1. */
  get isOwn(): boolean {
    return this.process !== null
  }

  async stop(): Promise<void> {
    const { process } = this
    if (process === null || process.exitCode !== null) return
    const ended = new Promise((resolve) => process.once('exit', resolve))
    process.kill('SIGKILL')
    await ended
  }

  async #ready(child: ChildProcess): Promise<void> {
    for (let waitedMs = 0; waitedMs < startMsMax; waitedMs += 200) {
      if (child.exitCode !== null) break
      const answer = await fetch(`${this.url}/subjects`).catch(() => null)
      if (answer?.ok === true) return
      await sleep(200)
    }
    await this.stop()
    throw new Error(`the schema registry did not start: ${advice}`)
  }
}

async function unpacked(): Promise<string> {
  if (spawnSync('java', ['-version']).status !== 0) install('openjdk-17-jre-headless')
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const folder = join(cache, 'tidemark', `apicurio-${version}`)
  if (existsSync(folder)) return folder
  if (spawnSync('mvn', ['-v']).status !== 0) install('maven')
  // Beside its place first: a folder that has its name is complete.
  const next = `${folder}.${process.pid}`
  await mkdir(next, { recursive: true })
  const artifact = `-Dartifact=io.apicurio:apicurio-registry-app:${version}:zip:all`
  const run = spawnSync(
    'mvn',
    ['-B', '-q', 'dependency:unpack', artifact, `-DoutputDirectory=${next}`],
    { cwd: next, encoding: 'utf8' },
  )
  if (run.status !== 0 || readdirSync(next).length === 0) {
    await rm(next, { recursive: true, force: true })
    throw new Error(`Apicurio ${version} could not be fetched: ${advice}`)
  }
  try {
    await rename(next, folder)
  } catch (failure) {
    // Another run may have been quicker.
    await rm(next, { recursive: true, force: true })
    if (!existsSync(folder)) throw failure
  }
  return folder
}

function install(name: string): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  spawnSync('apt-get', ['update'], { stdio: 'ignore', env })
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', name], { stdio: 'ignore', env })
}
