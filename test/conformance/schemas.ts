/** What every adapter of the schema registry port keeps. */
import { randomUUID } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sameSchema } from '../../src/events/schema-ids.js'
import type { AvroField, AvroRecordSchema } from '../../src/events/schema-types.js'
import type { SchemaRegistry } from '../../src/schemas/schemas.js'

const record = (...fields: AvroField[]): AvroRecordSchema => ({
  type: 'record',
  name: 'visit',
  // Registries live on: each test has subjects of its own.
  namespace: `test_${randomUUID().replaceAll('-', '')}`,
  fields: [{ name: 'event_id', type: 'string' }, ...fields],
})

const withField = (schema: AvroRecordSchema, field: AvroField): AvroRecordSchema => ({
  ...schema,
  fields: [...schema.fields, field],
})

const subjectOf = ({ namespace, name }: AvroRecordSchema) => `${namespace}.${name}`

/** `open` connects again and again to one registry, each time with nothing in memory. */
export function schemasConformance(name: string, open: () => Promise<SchemaRegistry>): void {
  const opened = async () => {
    const registry = await open()
    onTestFinished(() => registry.close())
    return registry
  }

  describe(`${name}:`, () => {
    test('an id means what was registered under it', async () => {
      const schema = record({ name: 'seconds', type: 'int', doc: 'How long.' })
      const id = await (await opened()).register(subjectOf(schema), schema)
      const other = await opened()
      for (let asked = 0; asked < 2; asked++) {
        const found = (await other.byIds([id, id])).get(id)
        expect(found?.subject).toBe(subjectOf(schema))
        expect(sameSchema(found!.schema, schema)).toBe(true)
      }
    })

    test('an id that was never given means nothing, and keeps the others from nothing', async () => {
      const schema = record()
      const registry = await opened()
      const id = await registry.register(subjectOf(schema), schema)
      const found = await registry.byIds([2_000_000_000, id])
      expect(found.get(2_000_000_000)).toBe(null)
      expect(found.get(id)?.subject).toBe(subjectOf(schema))
      expect(found.size).toBe(2)
    })

    test('the same schema keeps its id', async () => {
      const schema = record()
      const registry = await opened()
      const id = await registry.register(subjectOf(schema), schema)
      expect(await registry.register(subjectOf(schema), schema)).toBe(id)
      expect(await (await opened()).register(subjectOf(schema), schema)).toBe(id)
    })

    test('a subject has its versions, oldest first, each with its id', async () => {
      const first = record()
      const second = withField(first, { name: 'page', type: ['null', 'string'], default: null })
      const registry = await opened()
      const subject = subjectOf(first)
      expect(await registry.versions(subject)).toEqual([])
      const ids = [await registry.register(subject, first)]
      expect(await registry.versions(subject)).toHaveLength(1)
      ids.push(await registry.register(subject, second))
      const versions = await registry.versions(subject)
      expect(versions.map(({ id, version }) => [id, version])).toEqual([
        [ids[0], 1],
        [ids[1], 2],
      ])
      expect(sameSchema(versions[1].schema, second)).toBe(true)
      expect(versions[1].subject).toBe(subject)
    })

    test('any change is allowed where that was asked for', async () => {
      const first = record({ name: 'a', type: 'int' })
      const registry = await opened()
      const subject = subjectOf(first)
      await registry.register(subject, first)
      await registry.allowAnyChange(subject)
      const second = { ...first, fields: [{ name: 'b', type: 'string' } as const] }
      await expect(registry.register(subject, second)).resolves.toBeTypeOf('number')
      expect(await registry.versions(subject)).toHaveLength(2)
    })

    test('nothing fails that works', async () => {
      const registry = await opened()
      await registry.versions('nobody.knows')
      expect(registry.status().failure).toBe(null)
    })
  })
}
