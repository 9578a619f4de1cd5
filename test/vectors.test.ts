import { describe, expect, it } from 'vitest'
import { NaiveLog, type NaiveValue, type Visibility } from './support/naive.js'
import { readVectors, vectorsDeclaration, vectorSets } from './support/vectors.js'
import type { ParquetRow } from './support/parquet.js'

const declaration = vectorsDeclaration()
const { features } = declaration.spec
const visibilities = ['known', 'happened'] as const satisfies Visibility[]

/** Counts, days, categories and nulls are equal; other numbers within 1e-12, stddev 1e-9. */
function differences(values: readonly NaiveValue[], due: ParquetRow): string[] {
  return features.flatMap(({ name, type, expression }, i) => {
    const value = values[i] ?? null
    const wanted = due[name] ?? null
    if (value === wanted) return []
    const tolerance = expression.kind === 'stddev' ? 1e-9 : 1e-12
    const close =
      type === 'double' &&
      typeof value === 'number' &&
      typeof wanted === 'number' &&
      Math.abs(value - wanted) <= tolerance * Math.abs(wanted)
    return close ? [] : [`${name} is ${value}, due ${wanted}`]
  })
}

describe.each(vectorSets)('vectors of %s', async (name) => {
  const set = await readVectors(name)

  it.each(visibilities)('the naive implementation gives the rows due: %s', (visibility) => {
    const log = new NaiveLog(set.records, declaration)
    const wrong = set.asks.flatMap((ask, i) => {
      const due = set.due[visibility][i]
      const row = log.row(ask, visibility)
      const found = differences(row.values, due)
      if (due['customer_id'] !== ask.customer || due['as_of'] !== ask.asOf) found.push('other row')
      if (row.label !== due['label']) found.push(`label ${row.label}, due ${due['label']}`)
      if (row.labelTime !== due['label_time']) found.push(`label_time ${row.labelTime}`)
      return found.map((text) => `${ask.customer} at ${new Date(ask.asOf).toISOString()}: ${text}`)
    })
    expect(wrong).toEqual([])
    expect(set.due[visibility]).toHaveLength(set.asks.length)
  })
})
