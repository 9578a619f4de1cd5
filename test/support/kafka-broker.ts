/**
 * A real Kafka broker for tests: one process, KRaft, ports and folder of its own.
 *
 * It outlives a kill and starts again on the same ports and folder. It dies with us: its guard sees
 * our end of a pipe close, however we end.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findJars, findJava } from './kafka-jars.js'

const startMsMax = 120_000
const clusterId = 'dGlkZW1hcmstdGVzdHMtMQ'

/** Starts `java` with the arguments, prints its pid, and kills it when the pipe closes. */
const guard = '"$@" </dev/null & pid=$!; echo $pid; cat >/dev/null; kill -9 $pid 2>/dev/null'

export class KafkaBroker {
  private child: ChildProcess | null = null
  private pid = 0

  private constructor(
    private readonly java: string,
    private readonly classes: string,
    private readonly folder: string,
    /** `host:port`, as in KAFKA_BROKERS. */
    readonly brokers: string,
    /** Port of the listener that advertises another one's address, where there is one. */
    readonly behindPort: number | null,
  ) {}

  /**
   * Formats and starts a broker.
   *
   * @throws Error with one sentence that says what to install
   * @example
   * const broker = await KafkaBroker.start()
   * const log = await KafkaLog.open({ brokers: [broker.brokers], topics })
   * await broker.stop()
   */
  static async start(
    properties: Readonly<Record<string, string>> = {},
    { advertised }: { readonly advertised?: number } = {},
  ): Promise<KafkaBroker> {
    const java = findJava()
    const classes = join(await findJars(), '*')
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-kafka-'))
    const [port, controllerPort, behindPort] = await freePorts(3)
    const brokers = `127.0.0.1:${port}`
    const behind =
      advertised === undefined ? {} : listenersOf(port, controllerPort, behindPort, advertised)
    const all = { ...propertiesOf(folder, port, controllerPort), ...behind, ...properties }
    const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`)
    await writeFile(join(folder, 'server.properties'), lines.join(''))
    await writeFile(join(folder, 'log4j2.yaml'), log4j)
    const broker = new KafkaBroker(
      java,
      classes,
      folder,
      brokers,
      advertised === undefined ? null : behindPort,
    )
    const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c']
    const [command, ...args] = broker.command([...format, join(folder, 'server.properties')])
    const run = spawnSync(command, args, { encoding: 'utf8' })
    if (run.status !== 0) throw new Error(`the broker's folder was not formatted: ${run.stderr}`)
    await broker.restart()
    return broker
  }

  /** SIGKILL or another signal, to the broker itself. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    process.kill(this.pid, signal)
  }

  /** Starts the process again after it was killed. */
  async restart(): Promise<void> {
    await this.end()
    const properties = join(this.folder, 'server.properties')
    const command = this.command(['kafka.Kafka', properties])
    const output = createWriteStream(join(this.folder, 'broker.log'), { flags: 'a' })
    const child = spawn('bash', ['-c', guard, 'guard', ...command], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.child = child
    child.stderr.pipe(output)
    this.pid = await new Promise<number>((resolve) => {
      child.stdout.once('data', (line: Buffer) => resolve(Number(line.toString().split('\n')[0])))
    })
    child.stdout.pipe(output)
    await this.listening()
  }

  async stop(): Promise<void> {
    await this.end()
    await rm(this.folder, { recursive: true, force: true })
  }

  private async end(): Promise<void> {
    const { child } = this
    if (child === null || child.exitCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.stdin!.end()
    await ended
  }

  private command(main: readonly string[]): string[] {
    // The quick compiler only: a broker that lives a minute never earns back the thorough one.
    const options = ['-Xmx512m', '-Xms128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
    const logging = `-Dlog4j2.configurationFile=${join(this.folder, 'log4j2.yaml')}`
    return [this.java, ...options, logging, '-cp', this.classes, ...main]
  }

  private async listening(): Promise<void> {
    const port = Number(this.brokers.split(':')[1])
    const until = Date.now() + startMsMax
    while (Date.now() < until) {
      if (this.child!.exitCode !== null) break
      if (await accepts(port)) return
      await sleep(50)
    }
    throw new Error(`the broker in ${this.folder} did not start: see its broker.log`)
  }
}

function propertiesOf(folder: string, port: number, controllerPort: number) {
  const internal = Object.fromEntries(
    ['offsets.topic', 'transaction.state.log'].flatMap((name) => [
      [`${name}.replication.factor`, '1'],
      [`${name}.num.partitions`, '4'],
    ]),
  )
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'log.dirs': join(folder, 'data'),
    ...internal,
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '500',
    'auto.create.topics.enable': 'false',
    // A broker that was killed may come back as soon as its old registration has run out.
    'broker.session.timeout.ms': '2000',
    'broker.heartbeat.interval.ms': '300',
    // Tests delete topics and let transactions time out: neither should take the default minutes.
    'log.segment.delete.delay.ms': '1000',
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
  }
}

/** Who comes in by the listener behind a proxy is told the proxy's address of the broker. */
function listenersOf(port: number, controllerPort: number, behind: number, proxy: number) {
  const own = `PLAINTEXT://127.0.0.1:${port}`
  return {
    listeners: `${own},CONTROLLER://127.0.0.1:${controllerPort},BEHIND://127.0.0.1:${behind}`,
    'advertised.listeners': `${own},BEHIND://127.0.0.1:${proxy}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,BEHIND:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((it) => new Promise((resolve) => it.once('listening', resolve))))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

const log4j = `Configuration:
  status: WARN
  Appenders:
    Console:
      name: STDOUT
      PatternLayout:
        pattern: "[%d] %p %m (%c)%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        - ref: STDOUT
`
