/**
 * The schema registry port on any server that speaks Confluent's interface.
 *
 * Owns waiting for a registry that is away, and what was answered. The subject of a schema is the
 * full name of its record, whatever subject a producer registered it under.
 */
import type {
  Compatibility,
  SchemaInfo,
  SchemaRegistryClient,
} from '@confluentinc/schemaregistry/dist/schemaregistry-client.js'
import { exitCode, TidemarkError } from '../errors.js'
import { type RegisteredSchema, subjectOf } from '../events/schema-ids.js'
import type { AvroRecordSchema } from '../events/schema-types.js'
import type { RegistryAddress } from './confluent-client.js'
import { isAbsent, registryError, unavailable } from './confluent-errors.js'
import { Patience } from './patience.js'
import type { NumberedSchema, RegistryStatus, SchemaRegistry } from './schemas.js'

export interface ConfluentOptions {
  /** Told of what a person would want to read in a log. */
  readonly note?: (text: string) => void
  /** How long the calls that give up go on, in ms. @default 10000 */
  readonly patienceMs?: number
  /** How long what ids mean is asked for, in ms. @default Infinity */
  readonly idPatienceMs?: number
  /** Longest pause before the next attempt, in ms. @default 2000 */
  readonly pauseMsMax?: number
  /** Pause before an id that is said to be unknown is asked for again, in ms. @default 300 */
  readonly doubtMs?: number
}

/** How often the registry has to say that there is no such id. */
const denials = 3
/** How long such an id is not asked for again, in ms; and how many of them are kept. */
const unknownMs = 60_000
const unknownMax = 10_000

type RegistryClient = Pick<
  SchemaRegistryClient,
  | 'getBySubjectAndId'
  | 'getAllVersions'
  | 'getSchemaMetadata'
  | 'register'
  | 'updateCompatibility'
  | 'clearCaches'
  | 'close'
>

export class ConfluentSchemas implements SchemaRegistry {
  readonly #client: RegistryClient
  readonly #url: string
  readonly #patience: Patience
  readonly #patienceMs: number
  readonly #idPatienceMs: number
  readonly #doubtMs: number
  readonly #known = new Map<number, RegisteredSchema>()
  /** Ids that the registry does not have, and until when that is believed. */
  readonly #unknown = new Map<number, number>()

  private constructor(
    client: RegistryClient,
    url: string,
    private readonly ending: AbortController,
    options: ConfluentOptions,
  ) {
    this.#client = client
    this.#url = url
    this.#patience = new Patience(options.pauseMsMax ?? 2_000, options.note ?? (() => undefined))
    this.#patienceMs = options.patienceMs ?? 10_000
    this.#idPatienceMs = options.idPatienceMs ?? Infinity
    this.#doubtMs = options.doubtMs ?? 300
  }

  /**
   * Connects to nothing yet.
   *
   * @example
   * const registry = await ConfluentSchemas.open({ url: 'http://localhost:8081' })
   * await registry.byIds([7]) // Map { 7 → { subject: 'session', … } }
   */
  static async open(address: RegistryAddress, options: ConfluentOptions = {}) {
    const ending = new AbortController()
    const { confluentClient } = await import('./confluent-client.js')
    const client = confluentClient(address, ending.signal)
    return new ConfluentSchemas(client, address.url, ending, options)
  }

  async byIds(ids: readonly number[]): Promise<ReadonlyMap<number, RegisteredSchema | null>> {
    const found = new Map<number, RegisteredSchema | null>()
    let doubted: number[] = []
    for (const id of new Set(ids)) {
      const known = this.#known.get(id) ?? (this.#isUnknown(id) ? null : undefined)
      if (known === undefined) doubted.push(id)
      else found.set(id, known)
    }
    // A follower of the registry may be a moment behind the leader that gave the id.
    for (let asked = 1; doubted.length > 0 && asked <= denials; asked++) {
      if (asked > 1) await this.#patience.sleep(this.#doubtMs)
      const absent: number[] = []
      for (const id of doubted) {
        const schema = await this.#patience.during(this.#idPatienceMs, () => this.#ask(id))
        if (schema === undefined) absent.push(id)
        else found.set(id, schema)
      }
      doubted = absent
    }
    for (const id of doubted) {
      found.set(id, null)
      if (this.#unknown.size >= unknownMax) this.#unknown.clear()
      this.#unknown.set(id, Date.now() + unknownMs)
    }
    return found
  }

  async versions(subject: string): Promise<readonly NumberedSchema[]> {
    return this.#patience
      .during(this.#patienceMs, () =>
        this.#try(`reading subject ${subject}`, async () => {
          const versions = await this.#client.getAllVersions(encodeURIComponent(subject))
          const found: NumberedSchema[] = []
          for (const version of [...versions].sort((a, b) => a - b)) {
            const info = await this.#client.getSchemaMetadata(subject, version)
            const schema = this.#recordOf(info)
            if (schema !== null && info.id !== undefined) {
              found.push({ id: info.id, subject, version, schema })
            }
          }
          return found
        }),
      )
      .then((found) => found ?? [])
  }

  async register(subject: string, schema: AvroRecordSchema): Promise<number> {
    const info = { schemaType: 'AVRO', schema: JSON.stringify(schema) }
    const id = await this.#patience.during(this.#patienceMs, () =>
      this.#try(`registering ${subject}`, () => this.#client.register(subject, info)),
    )
    if (id === undefined) throw unavailable(`the schema registry at ${this.#url} takes no schemas`)
    return id
  }

  async allowAnyChange(subject: string): Promise<void> {
    const none = 'NONE' as Compatibility
    await this.#patience.during(this.#patienceMs, () =>
      this.#try(`settings of ${subject}`, () => this.#client.updateCompatibility(subject, none)),
    )
  }

  status(): RegistryStatus {
    return { failure: this.#patience.failure?.code ?? null, schemas: this.#known.size }
  }

  async close(): Promise<void> {
    const text = 'told to stop while waiting for the schema registry'
    const options = { exit: exitCode.tryAgain, retry: 'now' } as const
    this.#patience.end(new TidemarkError('STOPPED', text, options))
    // Behind it, so that nobody takes it for a failure of the registry's.
    this.ending.abort()
    await this.#client.close()
  }

  /** Undefined where the registry says that it has no such id; null for one of another kind. */
  async #ask(id: number): Promise<RegisteredSchema | null | undefined> {
    const schema = await this.#try(`asking for id ${id}`, async () =>
      this.#recordOf(await this.#client.getBySubjectAndId('', id)),
    )
    if (schema === undefined || schema === null) return schema
    const registered = { subject: subjectOf(schema), version: 0, schema }
    this.#known.set(id, registered)
    return registered
  }

  /** Undefined where what is asked for does not exist. */
  async #try<T>(step: string, call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call()
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw registryError(error, this.#url, step)
    }
  }

  #isUnknown(id: number): boolean {
    return (this.#unknown.get(id) ?? 0) > Date.now()
  }

  /** The record of an answer; null: a schema, but no Avro record. */
  #recordOf(info: SchemaInfo): AvroRecordSchema | null {
    try {
      if ((info.schemaType ?? 'AVRO') !== 'AVRO') return null
      const schema = JSON.parse(info.schema) as Partial<AvroRecordSchema> | null
      const isRecord = schema?.type === 'record' && typeof schema.name === 'string'
      return isRecord && Array.isArray(schema.fields) ? (schema as AvroRecordSchema) : null
    } catch (error) {
      // The page of a proxy, with a status of success; the client keeps whatever it was given.
      this.#client.clearCaches()
      throw new Error('the answer is no schema', { cause: error })
    }
  }
}
