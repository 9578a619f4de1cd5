/**
 * The port of a schema registry that is a server: what the id in a record's header means, and which
 * ids our own schemas have. An app without one has `ids.json`, and no port is needed to read that.
 *
 * Invariants that every adapter keeps (checked by `test/conformance/schemas.ts`):
 * Y1 an id means one schema for ever; so what was answered once is never asked again.
 * Y2 null says that the registry was asked and has no such schema. A registry that does not answer,
 *    or answers anything else, is waited for: nothing is ever refused because it is away.
 */
import type { RegisteredSchema } from '../events/schema-ids.js'
import type { AvroRecordSchema } from '../events/schema-types.js'

/** Reads what the ids in records mean. */
export interface SchemaSource {
  /**
   * The schemas behind some ids; null: there is no Avro record of that id. Waits while the registry
   * is away, until `close`: then it rejects with `STOPPED`.
   */
  byIds(ids: readonly number[]): Promise<ReadonlyMap<number, RegisteredSchema | null>>
}

/** A version of a subject, and its id. */
export interface NumberedSchema extends RegisteredSchema {
  readonly id: number
}

export interface RegistryStatus {
  /** The code of what keeps the registry from answering now; null: nothing. */
  readonly failure: string | null
  /** Ids that are known. */
  readonly schemas: number
}

/**
 * The calls below `byIds` give up after a while. They raise `REGISTRY_UNAVAILABLE` (69), and
 * `REGISTRY_REFUSED` (78) where user or token is not accepted.
 */
export interface SchemaRegistry extends SchemaSource {
  /** All versions of a subject, oldest first; none where it was never registered. */
  versions(subject: string): Promise<readonly NumberedSchema[]>
  /**
   * Makes a schema the newest version of its subject and answers its id; the id that it has where
   * the registry holds it already. Raises `SCHEMA_INCOMPATIBLE` (78) where the registry's own rule
   * for the subject forbids it.
   */
  register(subject: string, schema: AvroRecordSchema): Promise<number>
  /** Lets the versions of a subject differ in any way. */
  allowAnyChange(subject: string): Promise<void>
  status(): RegistryStatus
  close(): Promise<void>
}
