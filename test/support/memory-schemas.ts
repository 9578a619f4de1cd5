/** The schema registry port in memory: any change is allowed, and ids are given from 1. */
import { TidemarkError } from '../../src/errors.js'
import { sameSchema, subjectOf, type RegisteredSchema } from '../../src/events/schema-ids.js'
import type { AvroRecordSchema } from '../../src/events/schema-types.js'
import type { NumberedSchema, SchemaRegistry } from '../../src/schemas/schemas.js'

export class MemorySchemas implements SchemaRegistry {
  readonly schemas = new Map<number, NumberedSchema>()
  /** Ids that were asked for, call by call. */
  readonly asked: number[][] = []
  readonly allowed = new Set<string>()
  #away: Promise<void> | null = null
  #comeBack: () => void = () => undefined
  #close: (reason: Error) => void = () => undefined
  readonly #closed = new Promise<never>((_resolve, reject) => (this.#close = reject))

  constructor() {
    this.#closed.catch(() => undefined)
  }

  /** Nothing is answered until `comeBack`. */
  goAway(): void {
    this.#away = new Promise((resolve) => (this.#comeBack = resolve))
  }

  comeBack(): void {
    this.#away = null
    this.#comeBack()
  }

  async byIds(ids: readonly number[]): Promise<ReadonlyMap<number, RegisteredSchema | null>> {
    this.asked.push([...ids])
    if (this.#away !== null) await Promise.race([this.#away, this.#closed])
    return new Map(ids.map((id) => [id, this.schemas.get(id) ?? null]))
  }

  async versions(subject: string): Promise<readonly NumberedSchema[]> {
    return [...this.schemas.values()].filter((schema) => schema.subject === subject)
  }

  async register(subject: string, schema: AvroRecordSchema): Promise<number> {
    const versions = await this.versions(subject)
    const found = versions.find((version) => sameSchema(version.schema, schema))
    if (found !== undefined) return found.id
    const id = this.schemas.size + 1
    this.schemas.set(id, { id, subject, version: versions.length + 1, schema })
    return id
  }

  async allowAnyChange(subject: string): Promise<void> {
    this.allowed.add(subject)
  }

  /** A schema under an id of the test's choice. */
  put(id: number, schema: AvroRecordSchema): void {
    this.schemas.set(id, { id, subject: subjectOf(schema), version: id, schema })
  }

  status() {
    return { failure: this.#away === null ? null : 'REGISTRY_UNAVAILABLE', schemas: 0 }
  }

  async close(): Promise<void> {
    this.#close(new TidemarkError('STOPPED', 'closed', { exit: 75, retry: 'now' }))
  }
}
