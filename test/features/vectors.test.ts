import { describe, expect, it } from 'vitest'
import type { EventBody } from '../../src/events/event.js'
import { compile } from '../../src/features/compile.js'
import type { Judged } from '../../src/features/engine.js'
import { aggregate, rowOf } from '../support/engine.js'
import { NaiveLog, type NaiveValue } from '../support/naive.js'
import type { ParquetRow } from '../support/parquet.js'
import { vectorFeatures } from '../support/vectors-app.js'
import { readVectors, vectorsDeclaration, vectorSets } from '../support/vectors.js'

const { spec, schemas } = vectorFeatures
const engine = compile({ features: spec, schemas, eligible: null, rules: [] })
const declaration = vectorsDeclaration()

/** Counts, days, categories and nulls are equal; other numbers within 1e-12, stddev 1e-9. */
function differences(values: readonly NaiveValue[], due: ParquetRow): string[] {
  return spec.features.flatMap(({ name, type, expression }, i) => {
    const value = values[i] ?? null
    const wanted = due[name] ?? null
    const tolerance = expression.kind === 'stddev' ? 1e-9 : 1e-12
    const close =
      type === 'double' &&
      typeof value === 'number' &&
      typeof wanted === 'number' &&
      Math.abs(value - wanted) <= tolerance * Math.abs(wanted)
    return close || value === wanted ? [] : [`${name} is ${value}, due ${wanted}`]
  })
}

it('the declaration in the feature language is that of the vectors', () => {
  const plain = ({ growing: _, ...feature }: (typeof spec.features)[number]) => feature
  expect(spec.features.map(plain)).toEqual(declaration.spec.features.map(plain))
})

describe.each(vectorSets)('vectors of %s', async (name) => {
  const set = await readVectors(name)
  const log = new NaiveLog(set.records, declaration)

  it('judging decides as the naive implementation does', () => {
    const judged = new Map<string, Judged>()
    const wrong = log.decisions.flatMap(({ record, outcome, clock, bound }, i) => {
      if (outcome === 'rejected') return []
      const { type, body } = record
      const state = judged.get(body.customer_id) ?? engine.newJudged()
      judged.set(body.customer_id, state)
      const number = engine.types.indexOf(type)
      const verdict = engine.judge(clock, state, number, body as EventBody)
      const right = verdict === outcome && engine.lateBound(clock, number) === bound
      return right ? [] : [`${i}: ${verdict}, due ${outcome}`]
    })
    expect(wrong).toEqual([])
  })

  it.each(['known', 'happened'] as const)('reading gives the rows due: %s', (visibility) => {
    const wrong = set.asks.flatMap((ask, i) => {
      const due = set.due[visibility][i] as ParquetRow
      const state = aggregate(engine, log.visible(ask, visibility), ask.asOf)
      const row = rowOf(engine, state, ask.asOf)
      const found = differences(row.values, due)
      const changes = due['valid_until_does'] as number | null | undefined
      if (!(row.validUntil > ask.asOf)) found.push(`valid until ${row.validUntil}`)
      // An event that is logged before asOf and occurs after it is held back from state; the first
      // change of such a row is its arrival, of which the state knows nothing.
      const held = log.decisions.some(
        ({ record: { body }, logTime, outcome }) =>
          outcome === 'accepted' &&
          body.customer_id === ask.customer &&
          body.occurred_at >= ask.asOf &&
          logTime < ask.asOf,
      )
      if (changes != null && row.validUntil > changes && !held) {
        found.push(`valid until ${row.validUntil}, changes at ${changes}`)
      }
      const timer = row.retired ? Infinity : row.validUntil
      if (engine.nextChange(state, ask.asOf) !== timer) found.push('another nextChange')
      return found.map((text) => `${ask.customer} at ${new Date(ask.asOf).toISOString()}: ${text}`)
    })
    expect(wrong).toEqual([])
  })
})
