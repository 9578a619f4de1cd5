/**
 * A real broker that knows users and what they may do: SASL on one port, and on another everybody
 * who comes is the administrator.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import client, { type Kafka } from 'kafkajs'
import { findJars, findJava } from './kafka-jars.js'
import { freePort } from './free-port.js'

const startMsMax = 120_000

export class SecuredBroker {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly openPort: number,
    /** Where users and passwords are asked for. */
    readonly port: number,
  ) {}

  /** `users` by name, with their passwords. */
  static async start(users: Readonly<Record<string, string>>): Promise<SecuredBroker> {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-kafka-'))
    const [openPort, port, controller] = [await freePort(), await freePort(), await freePort()]
    const known = Object.entries(users).map(([name, word]) => `user_${name}="${word}"`)
    const login = `org.apache.kafka.common.security.plain.PlainLoginModule required ${known.join(' ')};`
    const properties = {
      'process.roles': 'broker,controller',
      'node.id': 1,
      listeners: `INSIDE://127.0.0.1:${openPort},OUTSIDE://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
      'listener.security.protocol.map':
        'INSIDE:PLAINTEXT,OUTSIDE:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
      'inter.broker.listener.name': 'INSIDE',
      'controller.listener.names': 'CONTROLLER',
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      'listener.name.outside.sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.outside.plain.sasl.jaas.config': login,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
      'offsets.topic.replication.factor': 1,
      'offsets.topic.num.partitions': 1,
      'auto.create.topics.enable': false,
      'log.dirs': join(folder, 'data'),
    }
    const path = join(folder, 'server.properties')
    const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`)
    await writeFile(path, lines.join(''))
    const java = findJava()
    const command = ['-Xmx384m', '-XX:TieredStopAtLevel=1', '-cp', join(await findJars(), '*')]
    const format = ['kafka.tools.StorageTool', 'format', '-t', 'dGlkZW1hcmstdGVzdHMtMg', '-c', path]
    const run = spawnSync(java, [...command, ...format], { encoding: 'utf8' })
    if (run.status !== 0) throw new Error(`the broker's folder was not formatted: ${run.stderr}`)
    const child = spawn(java, [...command, 'kafka.Kafka', path], { stdio: 'ignore' })
    const broker = new SecuredBroker(child, folder, openPort, port)
    await broker.#ready()
    return broker
  }

  /** A client that may do anything. */
  get administrator(): Kafka {
    const { Kafka: Client, logLevel } = client
    const brokers = [`127.0.0.1:${this.openPort}`]
    return new Client({ brokers, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50 } })
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    if (this.child.exitCode === null && this.child.kill('SIGKILL')) await ended
    await rm(this.folder, { recursive: true, force: true })
  }

  async #ready(): Promise<void> {
    for (const until = Date.now() + startMsMax; Date.now() < until; await sleep(200)) {
      const admin = this.administrator.admin()
      try {
        await admin.connect()
        await admin.listTopics()
        return
      } catch {
        if (this.child.exitCode !== null) break
      } finally {
        await admin.disconnect().catch(() => undefined)
      }
    }
    await this.stop()
    throw new Error('the broker with users did not start')
  }
}
