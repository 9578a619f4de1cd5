import { describe, expect, test } from 'vitest'
import { churnDeclaration } from '../../src/apps/churn/app.js'
import { envelopeFields } from '../../src/events/envelope.js'
import type { AvroField, AvroRecordSchema } from '../../src/events/schema-types.js'
import { buildApp, schemasOf } from '../../src/features/build-app.js'
import { registerAll, registeredIds } from '../../src/schemas/registered-ids.js'
import { MemorySchemas } from '../support/memory-schemas.js'

const record = (name: string, ...fields: AvroField[]): AvroRecordSchema => ({
  type: 'record',
  name,
  fields: [...envelopeFields, ...fields],
})

const first = record('visit', { name: 'seconds', type: 'int' })
const second = record('visit', { name: 'seconds', type: 'double' })
const history = {
  1: { subject: 'visit', version: 1, schema: first },
  2: { subject: 'visit', version: 2, schema: second },
}

describe('the ids of an app in a registry', () => {
  test('are those of the newest version that says the same, docs apart', async () => {
    const registry = new MemorySchemas()
    registry.put(11, first)
    registry.put(12, { ...second, doc: 'What somebody looked at.' })
    expect(await registeredIds(registry, [second])).toEqual({
      12: { subject: 'visit', version: 12, schema: second },
    })
  })

  test('are found where the registry writes the schema in its own way', async () => {
    const registry = new MemorySchemas()
    registry.put(5, {
      ...second,
      fields: [...envelopeFields, { name: 'seconds', type: { type: 'double' } }],
    })
    expect(Object.keys(await registeredIds(registry, [second]))).toEqual(['5'])
  })

  test('that are missing are named together', async () => {
    const registry = new MemorySchemas()
    registry.put(1, first)
    const wanted = registeredIds(registry, [second, record('order')])
    await expect(wanted).rejects.toMatchObject({
      code: 'SCHEMA_UNREGISTERED',
      exit: 78,
      message: expect.stringMatching(/visit, order .*tidemark schemas register/),
    })
  })
})

describe('registering', () => {
  test('gives a new registry all versions of the file, under the same ids', async () => {
    const registry = new MemorySchemas()
    const events = schemasOf(churnDeclaration)
    const { schemaIds } = churnDeclaration
    const registrations = await registerAll(registry, { ...events, history: schemaIds })
    expect(registrations.map(({ id }) => String(id))).toEqual(Object.keys(schemaIds))
    for (const [id, { subject }] of Object.entries(schemaIds)) {
      expect(registry.schemas.get(Number(id))?.subject).toBe(subject)
    }
    const schemaIdsThere = await registeredIds(registry, [...events.events, ...events.outputs])
    const app = buildApp({ ...churnDeclaration, schemaIds: schemaIdsThere, source: registry })
    expect(app.outputs).toEqual(buildApp(churnDeclaration).outputs)
  })

  test('adds only what it lacks to a registry that knows the subject', async () => {
    const registry = new MemorySchemas()
    registry.put(7, first)
    const due = { events: [second], outputs: [], history }
    const registrations = await registerAll(registry, due)
    expect(registrations).toEqual([{ subject: 'visit', id: 2, present: false }])
    expect(await registerAll(registry, due)).toEqual([{ subject: 'visit', id: 2, present: true }])
  })

  test('is refused with all faults, and then nothing is written', async () => {
    const registry = new MemorySchemas()
    registry.put(1, second)
    registry.put(2, record('order', { name: 'total', type: 'string' }))
    const narrower = record('order', { name: 'total', type: 'int' })
    const news = record('news')
    const due = { events: [news, first, narrower], outputs: [], history: {} }
    await expect(registerAll(registry, due)).rejects.toMatchObject({
      code: 'SCHEMA_INCOMPATIBLE',
      message: expect.stringMatching(/schema visit: [^]*schema order: /),
    })
    expect(registry.schemas.size).toBe(2)
  })

  test('lets the outputs change as they like', async () => {
    const registry = new MemorySchemas()
    const before = record('features', { name: 'a', type: 'int' })
    const after = record('features', { name: 'b', type: 'string' })
    await registerAll(registry, { events: [], outputs: [before], history: {} })
    expect([...registry.allowed]).toEqual([])
    await registerAll(registry, { events: [], outputs: [after], history: {} })
    expect([...registry.allowed]).toEqual(['features'])
    expect(await registry.versions('features')).toHaveLength(2)
  })
})
