/**
 * Everything that a company runs, for a test: topics on a real broker, a Redis, a registry, and the
 * built binary as workers and servers of lookups; events come from a plain producer.
 */
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import avsc from 'avsc'
import { onTestFinished } from 'vitest'
import { churnDeclaration } from '../../src/apps/churn/app.js'
import { sameSchema, subjectOf } from '../../src/events/schema-ids.js'
import type { AvroRecordSchema } from '../../src/events/schema-types.js'
import { schemasOf } from '../../src/features/build-app.js'
import { KafkaLog } from '../../src/log/kafka-log.js'
import { topicsOf } from '../../src/log/log.js'
import { ConfluentSchemas } from '../../src/schemas/confluent-schemas.js'
import { Binary, runBinary } from './binary.js'
import { kafkajs } from './kafka-place.js'
import { layout } from './kill/churn-parts.js'
import { mapDifferences, readOutputs } from './outputs.js'
import type { RedisServer } from './redis-server.js'
import { addDue, heldView } from './redis-view.js'
import { tempFolder } from './temp-folder.js'

export const partitions = 2

export interface Servers {
  readonly brokers: readonly string[]
  readonly redis: RedisServer
  /** Address of the registry; null: the app's own file says what ids mean. */
  readonly registry: string | null
}

/** What of a configuration is another than everybody's. */
interface Change {
  readonly app?: string
  /** Of the process. */
  readonly env?: Readonly<Record<string, string>>
  readonly registry?: string
  readonly kafka?: object
}

/** An event of a session, without its envelope's customer. */
export interface Visit {
  readonly customer: string
  readonly id: string
  readonly occurredAt: number
}

export class Installation {
  readonly prefix = `t${randomUUID().slice(0, 8)}-`
  readonly topics = topicsOf(`${this.prefix}churn`)
  /** Of the customers' keys in Redis. */
  readonly keys = `${this.prefix}churn:${layout.appHash.slice(0, 12)}:customer:`
  /** What the events are, and the id that the registry has given to it. */
  readonly session: { readonly schema: AvroRecordSchema; id: number }
  #sent = 0

  private constructor(
    readonly folder: string,
    readonly servers: Servers,
  ) {
    const { events } = schemasOf(churnDeclaration)
    this.session = { schema: events.find(({ name }) => name === 'session')!, id: 0 }
  }

  /** Registers the schemas and makes the topics, as a deployment does. */
  static async make(servers: Servers, folder?: string): Promise<Installation> {
    const place = new Installation(folder ?? (await tempFolder()), servers)
    const config = await place.config('deploy')
    const { session } = place
    const topics = `topics create --partitions ${partitions}`
    for (const command of servers.registry === null ? [topics] : ['schemas register', topics]) {
      const end = await runBinary([...command.split(' '), '--config', config])
      if (end.exit !== 0) throw new Error(end.stderr)
    }
    session.id = await idOf(session.schema, servers.registry)
    return place
  }

  /** The path of a configuration; each worker has a data directory of its own. */
  async config(name: string, change: Change = {}): Promise<string> {
    const { brokers, redis, registry } = this.servers
    const path = join(this.folder, `${name}.json`)
    const config = {
      ...(change.app === undefined ? {} : { app: change.app }),
      data: join(this.folder, name),
      kafka: {
        brokers,
        topicPrefix: this.prefix,
        sessionMs: 3_000,
        heartbeatMs: 300,
        ...change.kafka,
      },
      redis: { url: redis.url },
      schemaRegistry: registry === null ? null : { url: change.registry ?? registry },
      http: { port: 0 },
    }
    await writeFile(path, JSON.stringify(config))
    return path
  }

  /** A running `worker` or `serve`, when it serves. */
  async start(command: 'worker' | 'serve', name: string, change?: Change): Promise<Started> {
    const config = await this.config(name, change)
    const binary = new Binary([command, '--config', config, '--json'], { env: change?.env ?? {} })
    onTestFinished(() => {
      binary.kill('SIGCONT')
      binary.kill('SIGKILL')
    })
    return new Started(binary, await binary.serving())
  }

  /**
   * Sends visits, framed with the id that the registry gave for the app's schema; with another one
   * they have one field more, which is null.
   */
  async produce(visits: readonly Visit[], id = this.session.id): Promise<void> {
    const type = avsc.Type.forSchema(this.session.schema as unknown as avsc.Schema)
    const messages = visits.map(({ customer, id: event_id, occurredAt: occurred_at }) => {
      const body = { event_id, customer_id: customer, occurred_at, source: null }
      const bytes = type.toBuffer({ ...body, duration_seconds: 60, device: 'tv' })
      const header = Buffer.alloc(5)
      header.writeUInt32BE(id, 1)
      const more = Buffer.alloc(id === this.session.id ? 0 : 1)
      const value = Buffer.concat([header, bytes, more])
      return { key: customer, value, timestamp: `${Date.now()}` }
    })
    await this.send(messages)
  }

  /** Forgets a customer. */
  async erase(customer: string): Promise<void> {
    await this.send([{ key: customer, value: null, timestamp: `${Date.now()}` }])
  }

  async send(messages: { key: string; value: Buffer | null; timestamp: string }[]): Promise<void> {
    const producer = kafkajs([...this.servers.brokers]).producer()
    await producer.connect()
    await producer.send({ topic: this.topics.events, messages })
    await producer.disconnect()
    this.#sent += messages.length
  }

  /** Where the view in Redis is not what the output topics say last; empty once it is, for a while. */
  async differences(withinMs = 60_000): Promise<string[]> {
    const log = await KafkaLog.open({
      brokers: this.servers.brokers,
      topics: Object.values(this.topics),
      fetchWaitMs: 100,
    })
    try {
      const until = Date.now() + withinMs
      for (;;) {
        const faults = await this.#faults(log)
        if (faults.length === 0 || Date.now() > until) return faults
        await sleep(200)
      }
    } finally {
      await log.close()
    }
  }

  async #faults(log: KafkaLog): Promise<string[]> {
    const due = new Map<string, string>()
    const faults: string[] = []
    let read = 0
    for (let partition = 0; partition < partitions; partition++) {
      const outputs = await readOutputs(log, this.topics, partition, layout)
      addDue(due, partition, outputs.pairs)
      faults.push(...outputs.faults, ...outputs.rejected.map((text) => `rejected: ${text}`))
      read += outputs.positions.at(-1)?.endOffset ?? 0
    }
    if (read < this.#sent) faults.push(`${read} of ${this.#sent} records are committed`)
    const held = await heldView([this.servers.redis], this.keys)
    return [...faults, ...mapDifferences('hash', held, due)]
  }
}

/** Of a schema as it stands in the registry, or in the app's file. */
async function idOf(schema: AvroRecordSchema, url: string | null): Promise<number> {
  if (url === null) {
    const ids = Object.entries(churnDeclaration.schemaIds)
    return Number(ids.find(([, known]) => sameSchema(known.schema, schema))![0])
  }
  const registry = await ConfluentSchemas.open({ url })
  const versions = await registry.versions(subjectOf(schema))
  await registry.close()
  return versions.find((version) => sameSchema(version.schema, schema))!.id
}

export interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  readonly body: Record<string, never>
}

/** A process that serves. */
export class Started {
  constructor(
    readonly binary: Binary,
    readonly url: string,
  ) {}

  async get(path: string): Promise<Answer> {
    const answer = await fetch(`${this.url}${path}`)
    const body = (await answer.json()) as Answer['body']
    return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body }
  }

  customer(id: string): Promise<Answer> {
    return this.get(`/v1/customers/${id}`)
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.url}/metrics`)).text()
  }

  /** SIGTERM; answers the exit code and how long it took. */
  async stop() {
    const fromMs = Date.now()
    this.binary.kill('SIGTERM')
    const { exit, stderr, stdout } = await this.binary.ended
    return { exit, stderr, stdout, ms: Date.now() - fromMs }
  }
}

/** Visits of `count` customers, the newest of them now. */
export function visitsOf(count: number, round: number): Visit[] {
  const now = Date.now()
  return Array.from({ length: count }, (_, index) => ({
    customer: `c${index}`,
    id: `${round}-${index}`,
    occurredAt: now - (count - index) * 100,
  }))
}
