/** The built-in app in a folder of its own, with its declaration changed, as a user would do it. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { churn } from '../../src/apps/churn/app.js'
import { customerEvents, schemaIds } from '../../src/apps/churn/schemas.gen.js'
import { outputSchemas } from '../../src/events/output-schemas.js'
import { registerOutputs } from '../../src/events/schema-ids.js'
import type { Column } from '../../src/features/rows.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Change {
  readonly from: string
  readonly to: string
  /** The columns behind it. */
  readonly columns: (columns: readonly Column[]) => readonly Column[]
}

/** One window longer, and one feature more. */
export const more: Change = {
  from: "logins_last_7_days: logins.over('7d'),",
  to: "logins_last_7_days: logins.over('8d'), tickets_ever: count(on.support_ticket).ever(),",
  columns: (columns) =>
    columns.flatMap((column) =>
      column.name === 'logins_last_7_days'
        ? [column, { name: 'tickets_ever', type: 'long' as const }]
        : [column],
    ),
}

/** Without a feature that the model reads. */
export const less: Change = {
  from: 'tenure_days: tenure(subscription),',
  to: '',
  columns: (columns) => columns.filter(({ name }) => name !== 'tenure_days'),
}

/** Writes the app; answers its folder. */
export function writeChangedChurn(folder: string, { from, to, columns }: Change = more): string {
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules/tidemark'), 'dir')
  for (const name of ['features.ts', 'rules.ts', 'labels.ts']) {
    const text = readFileSync(join(root, 'src/apps/churn', name), 'utf8')
    const changed = name === 'features.ts' ? text.replace(from, to) : text
    writeFileSync(join(folder, name), changed.replace('../../index.js', 'tidemark'))
  }
  const outputs = outputSchemas('churn', columns(churn().engine.columns))
  const ids = registerOutputs(schemaIds, outputs)
  const generated =
    `export const customerEvents = ${JSON.stringify(customerEvents)}\n` +
    `export const schemaIds = ${JSON.stringify(ids)}\n`
  writeFileSync(join(folder, 'schemas.gen.js'), generated)
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n')
  return folder
}
