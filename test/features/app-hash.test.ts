import { describe, expect, it } from 'vitest'
import {
  appHashOf,
  canonicalDeclaration,
  diffDeclarations,
  type Declaration,
} from '../../src/features/app-hash.js'
import { count, features, growing, seenWithin } from '../../src/index.js'
import { events } from '../../src/features/refs.js'
import { vectorSchemas as schemas } from '../support/vectors-app.js'

const on = events(schemas)

function declaration(changes: Partial<Declaration> = {}): Declaration {
  const { spec } = features('app', 1, schemas, ({ on: { order, plan } }) => ({
    orders: count(order).over('7d'),
    plans: count(plan).over('30d'),
  }))
  const eligible = seenWithin(on.order, '90d')
  return { features: spec, schemas, eligible, rules: [{ name: 'r', max: 3 }], ...changes }
}

const { features: spec } = declaration()

function diff(changes: Partial<Declaration>): string[] {
  const after = canonicalDeclaration(declaration(changes))
  return diffDeclarations(canonicalDeclaration(declaration()), after)
}

describe('the app hash', () => {
  it('is the same for the same declaration, and for one that was stored and read', () => {
    expect(appHashOf(declaration())).toBe(appHashOf(declaration()))
    expect(appHashOf(declaration())).toMatch(/^[0-9a-f]{64}$/)
    const stored: unknown = JSON.parse(JSON.stringify(canonicalDeclaration(declaration())))
    expect(diffDeclarations(stored, canonicalDeclaration(declaration()))).toEqual([])
  })

  it('does not depend on documentation, or on what only drift reads', () => {
    const documented = { ...schemas, visit: { ...schemas.visit, doc: 'A visit.' } }
    expect(appHashOf(declaration({ schemas: documented }))).toBe(appHashOf(declaration()))
    const { spec: grown } = features('app', 1, schemas, ({ on: { order, plan } }) => ({
      orders: growing(count(order).over('7d')),
      plans: count(plan).over('30d'),
    }))
    expect(appHashOf(declaration({ features: grown }))).toBe(appHashOf(declaration()))
  })

  it.each<[string, Partial<Declaration>, string[]]>([
    ['a version', { features: { ...spec, version: 2 } }, ['features.version: 1 → 2']],
    [
      'a window',
      {
        features: features('app', 1, schemas, ({ on: { order, plan } }) => ({
          orders: count(order).over('8d'),
          plans: count(plan).over('30d'),
        })).spec,
      },
      ['features.features.orders.expression.window.lengthMs: 604800000 → 691200000'],
    ],
    [
      'a feature less',
      { features: { ...spec, features: spec.features.slice(1) } },
      ['features.features.orders: removed'],
    ],
    [
      'the order of the columns',
      { features: { ...spec, features: [...spec.features].reverse() } },
      ['features.features: in another order'],
    ],
    ['no eligibility', { eligible: null }, [expect.stringMatching(/^eligible: \{.*\} → null$/)]],
    [
      'eligibility',
      { eligible: seenWithin(on.order, '30d') },
      ['eligible.withinMs: 7776000000 → 2592000000'],
    ],
    ['a rule', { rules: [{ name: 'r', max: 4 }] }, ['rules.r.max: 3 → 4']],
    [
      'a schema',
      { schemas: { order: schemas.order, plan: schemas.plan } },
      ['schemas.visit: removed'],
    ],
    [
      'a field',
      {
        schemas: {
          ...schemas,
          visit: {
            ...schemas.visit,
            fields: [...schemas.visit.fields, { name: 'x', type: 'int' }],
          },
        },
      },
      ['schemas.visit.fields.x: added'],
    ],
  ])('another one comes of %s, and the diff names it', (_, changes, lines) => {
    expect(appHashOf(declaration(changes))).not.toBe(appHashOf(declaration()))
    expect(diff(changes)).toEqual(lines)
  })
})
