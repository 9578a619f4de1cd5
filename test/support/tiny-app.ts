/** An app folder outside of the repository, as a user of the package would have one. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { envelopeFields } from '../../src/events/envelope.js'
import { outputSchemas } from '../../src/events/output-schemas.js'
import { registerOutputs, registerSchemas } from '../../src/events/schema-ids.js'
import type { AvroRecordSchema } from '../../src/events/schema-types.js'
import type { Column } from '../../src/features/rows.js'

const visit: AvroRecordSchema = {
  type: 'record',
  name: 'visit',
  namespace: 'tiny',
  fields: [
    ...envelopeFields,
    { name: 'page', type: ['null', 'string'], default: null },
    { name: 'amount', type: ['null', 'double'], default: null },
  ],
}

const columns: readonly Column[] = [
  { name: 'visits', type: 'long' },
  { name: 'page', type: 'string' },
]

/** What `features.mjs` declares unless told otherwise. */
export const tinyFeatures = "visits: count(on.visit).over('7d'), page: latest(on.visit.page)"

/** DuckDB SQL that makes events of a CSV of event_id, customer_id, occurred_at. */
export const tinySql = `SELECT event_id, customer_id, 'visit' AS type, occurred_at::TIMESTAMP AS
  occurred_at, NULL::VARCHAR AS source, 'home' AS page, NULL::DOUBLE AS amount
  FROM read_csv(\${files}, types = {'customer_id': 'VARCHAR'})`

/** Writes the app `tiny`; `features` are the members of its declaration. */
export function writeTinyApp(folder: string, features = tinyFeatures): string {
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  const root = fileURLToPath(new URL('../..', import.meta.url))
  symlinkSync(root, join(folder, 'node_modules/tidemark'), 'dir')
  const outputs = outputSchemas('tiny', columns) as unknown as Parameters<typeof registerOutputs>[1]
  const ids = registerOutputs(registerSchemas({}, [visit], 'backward'), outputs)
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  write(
    'schemas.gen.mjs',
    `export const customerEvents = ${JSON.stringify({ visit })}
export const schemaIds = ${JSON.stringify(ids)}\n`,
  )
  write(
    'features.mjs',
    `import { count, features, latest, ratio, sum } from 'tidemark'
import { customerEvents } from './schemas.gen.mjs'
export const featureSet = features('tiny', 1, customerEvents, ({ on }) => ({ ${features} }))\n`,
  )
  write(
    'rules.mjs',
    `import { rules as declare } from 'tidemark'
import { customerEvents } from './schemas.gen.mjs'
export const rules = declare(customerEvents, () => [])\n`,
  )
  write('labels.mjs', 'export const labels = null\nexport const eligible = null\n')
  return folder
}
