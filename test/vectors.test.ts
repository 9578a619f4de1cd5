import { describe, expect, it } from 'vitest'
import { compile } from '../src/features/compile.js'
import type { FeatureSpec } from '../src/features/spec.js'
import { judgeAll, replayRows } from './support/engine-loop.js'
import { NaiveLog, type NaiveAsk, type NaiveValue, type Visibility } from './support/naive.js'
import type { ParquetRow } from './support/parquet.js'
import { vectorFeatures, vectorSchemas } from './support/vectors-app.js'
import { readVectors, vectorsDeclaration, vectorSets } from './support/vectors.js'

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

const told = ({ customer, asOf }: NaiveAsk): string => `${customer} at ${asOf}`

it('the feature language declares what spec.yaml says', () => {
  const plain = ({ name, type, expression }: FeatureSpec) => ({ name, type, expression })
  expect(vectorFeatures.spec.features.map(plain)).toEqual(features.map(plain))
})

describe.each(vectorSets)('vectors of %s', async (name) => {
  const set = await readVectors(name)
  const engine = compile({
    features: vectorFeatures.spec,
    schemas: vectorSchemas,
    eligible: null,
    rules: [],
  })
  const judgements = judgeAll(engine, set.records)

  it.each(visibilities)('the naive implementation gives the rows due: %s', (visibility) => {
    const log = new NaiveLog(set.records, declaration)
    const wrong = set.asks.flatMap((ask, i) => {
      const due = set.due[visibility][i]
      const row = log.row(ask, visibility)
      const found = differences(row.values, due)
      if (due['customer_id'] !== ask.customer || due['as_of'] !== ask.asOf) found.push('other row')
      if (row.label !== due['label']) found.push(`label ${row.label}, due ${due['label']}`)
      if (row.labelTime !== due['label_time']) found.push(`label_time ${row.labelTime}`)
      return found.map((text) => `${told(ask)}: ${text}`)
    })
    expect(wrong).toEqual([])
    expect(set.due[visibility]).toHaveLength(set.asks.length)
  })

  it('the engine decides on each record as the naive implementation does', () => {
    const due = new NaiveLog(set.records, declaration).decisions
    expect(judgements.map(({ verdict }) => verdict)).toEqual(due.map(({ outcome }) => outcome))
    expect(judgements.map(({ clock, logTime }) => [clock, logTime])).toEqual(
      due.map(({ clock, logTime }) => [clock, logTime]),
    )
  })

  it.each(visibilities)('the engine, driven directly, gives the rows due: %s', (visibility) => {
    const rows = replayRows(engine, judgements, set.asks, visibility)
    const wrong = set.asks.flatMap((ask, i) =>
      differences(rows[i].values, set.due[visibility][i]).map((text) => `${told(ask)}: ${text}`),
    )
    expect(wrong).toEqual([])
  })

  it('no value changes by time alone before the engine says that one may', () => {
    const rows = replayRows(engine, judgements, set.asks, 'known')
    const wrong = set.asks.flatMap((ask, i) => {
      const does = set.due.known[i]['valid_until_does'] ?? null
      // Events logged before but of later are held back; the next change is theirs, if they are first.
      const held = judgements
        .filter(({ verdict, logTime }) => verdict === 'accepted' && logTime < ask.asOf)
        .filter(({ record: { body } }) => body.customer_id === ask.customer)
        .filter(({ record: { body } }) => body.occurred_at >= ask.asOf)
      const arrivals = held.map(({ record }) => record.body.occurred_at + 1)
      const next = Math.min(rows[i].validUntil, ...arrivals)
      const sound = next > ask.asOf && (does === null || next <= (does as number))
      return sound ? [] : [`${told(ask)}: next change ${next}, a value changes at ${does}`]
    })
    expect(wrong).toEqual([])
  })
})
