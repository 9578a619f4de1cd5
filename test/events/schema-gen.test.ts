import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { envelopeFields } from '../../src/events/envelope.js'
import { outputSchemas } from '../../src/events/output-schemas.js'
import { schemaFiles, staleFiles, writeSchemaFiles } from '../../src/events/schema-gen.js'
import { idOf, sameSchema } from '../../src/events/schema-ids.js'
import type { AvroField, AvroRecordSchema } from '../../src/events/schema-types.js'
import { featureSet } from '../../src/apps/churn/features.js'
import { customerEvents, schemaIds } from '../../src/apps/churn/schemas.gen.js'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-schemas-'))
  mkdirSync(join(root, 'schemas'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const folder = () => ({
  schemas: join(root, 'schemas'),
  generated: join(root, 'schemas.gen.ts'),
  importFrom: 'tidemark',
})
const visit = (...fields: AvroField[]): AvroRecordSchema => ({
  type: 'record',
  name: 'visit',
  fields: [...envelopeFields, { name: 'page', type: 'string' }, ...fields],
})
function put(name: string, schema: unknown): void {
  writeFileSync(join(root, 'schemas', name), JSON.stringify(schema))
}
const text = (path: string): string => readFileSync(join(root, path), 'utf8')
const generate = () => writeSchemaFiles(schemaFiles(folder(), null))
const refused = (): unknown => {
  try {
    schemaFiles(folder(), null)
    return null
  } catch (error) {
    return error
  }
}

describe('generation', () => {
  test('writes ids and types once, and then finds nothing stale', () => {
    put('visit.avsc', visit())
    expect(generate()).toHaveLength(2)
    expect(staleFiles(schemaFiles(folder(), null))).toEqual([])
    expect(text('schemas.gen.ts')).toContain('} as const satisfies EventSchemas')
    expect(JSON.parse(text('schemas/ids.json'))).toMatchObject({
      1: { subject: 'visit', version: 1 },
    })
  })

  test('a readable change appends an id and keeps the earlier ones', () => {
    put('visit.avsc', visit())
    generate()
    put('visit.avsc', visit({ name: 'device', type: 'string', default: 'web' }))
    expect(staleFiles(schemaFiles(folder(), null))).toHaveLength(2)
    generate()
    const ids = JSON.parse(text('schemas/ids.json')) as Record<string, { version: number }>
    expect(Object.entries(ids).map(([id, { version }]) => [id, version])).toEqual([
      ['1', 1],
      ['2', 2],
    ])
  })

  test('a changed doc is no new schema', () => {
    put('visit.avsc', visit())
    generate()
    put('visit.avsc', { ...visit(), doc: 'Somebody comes.' })
    generate()
    expect(Object.keys(JSON.parse(text('schemas/ids.json')) as object)).toEqual(['1'])
  })

  test('a change that old records could not be read with is refused', () => {
    put('visit.avsc', visit())
    generate()
    put('visit.avsc', visit({ name: 'device', type: 'string' }))
    expect(refused()).toMatchObject({ code: 'SCHEMA_INCOMPATIBLE', exit: 78 })
  })

  test('output schemas get ids, whatever they were before', () => {
    put('visit.avsc', visit())
    const output = (name: string, field: string): AvroRecordSchema => ({
      type: 'record',
      name,
      fields: [{ name: field, type: 'long' }],
    })
    const outputs = { features: output('features', 'a'), scores: output('scores', 'b') }
    writeSchemaFiles(schemaFiles(folder(), outputs))
    const { ids } = schemaFiles(folder(), { ...outputs, features: output('features', 'c') })
    expect(idOf(ids, outputs.scores)).toBe(3)
    expect(ids['4']).toMatchObject({ subject: 'features', version: 2 })
  })

  test('a registry that was changed by hand is refused', () => {
    put('visit.avsc', visit())
    writeFileSync(join(root, 'schemas/ids.json'), '{"7": {"subject": "visit"}}')
    expect(refused()).toMatchObject({ code: 'SCHEMA_IDS_INVALID' })
  })
})

describe('validation', () => {
  const faults: [string, string, unknown][] = [
    ['a file that is no record', 'it is not a record', { type: 'string' }],
    ['another envelope', 'field 3 must be', { ...visit(), fields: envelopeFields.slice(0, 2) }],
    ['a reserved field name', 'field name type is reserved', visit({ name: 'type', type: 'int' })],
    ['a reserved record name', 'features is reserved', { ...visit(), name: 'features' }],
    ['a nested field', 'flat', visit({ name: 'tags', type: { type: 'array', items: 'string' } })],
    ['a wrong default', 'default', visit({ name: 'n', type: 'int', default: 'x' })],
    ['a record in another file', 'must stand in', { ...visit(), name: 'other' }],
  ]
  test.each(faults)('%s is refused', (_, message, schema) => {
    put('visit.avsc', schema)
    expect(refused()).toMatchObject({
      code: 'SCHEMA_INVALID',
      message: expect.stringContaining(message) as string,
    })
  })

  test('all faults of all files come at once', () => {
    put('a.avsc', { type: 'string' })
    put('b.avsc', visit({ name: 'logged_at', type: 'long' }))
    expect((refused() as Error).message.split('\n')).toHaveLength(2)
  })

  test('32 event types are refused: what was accepted is remembered as bits', () => {
    for (let i = 0; i < 32; i++) put(`v${i}.avsc`, { ...visit(), name: `v${i}` })
    expect(refused()).toMatchObject({
      message: expect.stringContaining('32 event types') as string,
    })
  })

  test('a folder without schemas is refused', () => {
    expect(refused()).toMatchObject({ message: expect.stringContaining('no schema') as string })
  })
})

test('ids and generated file of the built-in app are those of its schemas and features', () => {
  const { name, features } = featureSet.spec
  const files = schemaFiles(
    {
      schemas: 'schemas',
      generated: 'src/apps/churn/schemas.gen.ts',
      importFrom: '../../index.js',
    },
    outputSchemas(name, features),
  )
  // `npm run schemas` mends it.
  expect(staleFiles(files)).toEqual([])
  for (const [type, schema] of Object.entries(files.events)) {
    expect(sameSchema(customerEvents[type as keyof typeof customerEvents], schema)).toBe(true)
  }
  expect(schemaIds).toEqual(files.ids)
})
