import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import { writeTrainingSet } from '../../src/replay/training-set.js'
import { readParquet, type ParquetRow } from '../support/parquet.js'
import { tempFolder } from '../support/temp-folder.js'
import { vectorFeatures } from '../support/vectors-app.js'
import { vectorSets, vectorsFolder } from '../support/vectors.js'
import { ingestVectors, vectorsApp } from './support.js'

const { features } = vectorFeatures.spec
const heads = ['customer_id', 'as_of', 'label', 'label_time']

/** Counts, days, categories and nulls are equal; other numbers within 1e-12, stddev 1e-9. */
function differences(row: ParquetRow, due: ParquetRow): string[] {
  const found = heads.filter((name) => row[name] !== due[name])
  for (const { name, type, expression } of features) {
    const [value, wanted] = [row[name], due[name]]
    if (value === wanted) continue
    const tolerance = expression.kind === 'stddev' ? 1e-9 : 1e-12
    const close =
      type === 'double' &&
      typeof value === 'number' &&
      typeof wanted === 'number' &&
      Math.abs(value - wanted) <= tolerance * Math.abs(wanted)
    if (!close) found.push(`${name} ${value}, due ${wanted}`)
  }
  return found.map((text) => `${due['customer_id']} at ${due['as_of']}: ${text}`)
}

describe.each(vectorSets)('vectors of %s through ingest and replay', (set) => {
  it.each(['known', 'happened'] as const)('gives the rows due: %s', async (visibility) => {
    const folder = await tempFolder()
    const app = vectorsApp()
    const log = await EmbeddedLog.open(join(folder, 'log'), { timeBase: { kind: 'none' } })
    try {
      await ingestVectors(app, log, `${vectorsFolder}${set}/events.parquet`)
      const out = join(folder, 'out.parquet')
      const asked = { kind: 'rows', path: `${vectorsFolder}${set}/rows.parquet` } as const
      await writeTrainingSet({ app, log, asked, visibility, out })
      const rows = await readParquet(out)
      const due = await readParquet(`${vectorsFolder}${set}/${visibility}.parquet`)
      expect(rows).toHaveLength(due.length)
      expect(rows.flatMap((row, i) => differences(row, due[i])).slice(0, 20)).toEqual([])
    } finally {
      await log.close()
    }
  })
})
