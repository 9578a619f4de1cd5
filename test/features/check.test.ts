import { describe, expect, it } from 'vitest'
import { compile } from '../../src/features/compile.js'
import type { EligibleSpec, FeatureExpression, FeatureSetSpec } from '../../src/features/spec.js'
import { features, latest } from '../../src/index.js'
import { vectorFeatures, vectorSchemas as schemas } from '../support/vectors-app.js'

const day = 86_400_000
const window = { lengthMs: 7 * day, tileMs: 3_600_000 }
const orders = { event: 'order', field: null, where: null }
const amounts = { event: 'order', field: 'amount', where: null }
const count: FeatureExpression = { kind: 'count', source: orders, window }

const itself: { kind: 'ratio'; numerator: FeatureExpression; denominator: FeatureExpression } = {
  kind: 'ratio',
  numerator: count,
  denominator: count,
}
itself.denominator = { kind: 'ratio', numerator: count, denominator: itself }

function specOf(expression: FeatureExpression, name = 'one'): FeatureSetSpec {
  const type = expression.kind === 'count' ? 'long' : 'double'
  return { name: 'app', version: 1, features: [{ name, type, expression, growing: false }] }
}

/** The code, the exit code and the text of what compiling throws. */
function fault(spec: FeatureSetSpec, eligible: EligibleSpec | null = null): string {
  try {
    compile({ features: spec, schemas, eligible, rules: [] })
  } catch (error) {
    const { code, exit, message } = error as { code: string; exit: number; message: string }
    return `${code} ${exit} ${message}`
  }
  return 'nothing'
}

describe('a declaration that no compiler has checked', () => {
  it.each<[string, FeatureExpression, string]>([
    [
      'a missing event',
      { ...count, source: { ...orders, event: 'ordr' } },
      'no event ordr: did you mean order?',
    ],
    [
      'a missing field',
      { kind: 'sum', source: { ...amounts, field: 'amonut' }, window },
      'no field amonut: did you mean amount?',
    ],
    ['a cycle', itself, 'contains itself: ratio → ratio → ratio'],
    [
      'a window without length',
      { ...count, window: { lengthMs: 0, tileMs: 1 } },
      'length must be above 0',
    ],
    [
      'a tile that does not fit',
      { ...count, window: { lengthMs: 10, tileMs: 3 } },
      '3 ms does not divide 10 ms',
    ],
    [
      'a sum of a text',
      { kind: 'sum', source: { event: 'plan', field: 'plan', where: null }, window },
      'which is no number',
    ],
    [
      'an empty condition',
      { ...count, source: { ...orders, where: { op: 'and', of: [] } } },
      'and of no condition',
    ],
    [
      'a condition on a missing field',
      { ...count, source: { ...orders, where: { op: 'not', of: { op: 'present', field: 'x' } } } },
      'no field x',
    ],
    [
      'a condition without values',
      { ...count, source: { ...orders, where: { op: 'in', field: 'amount', values: [] } } },
      'allows no value',
    ],
    [
      'a condition of the wrong type',
      { ...count, source: { ...orders, where: { op: '=', field: 'amount', value: '1' } } },
      'due is a number',
    ],
    [
      'a change against a shorter window',
      { kind: 'change', of: 'count', source: orders, window, against: window },
      'must be the longer window',
    ],
  ])('%s is refused', (_, expression, text) => {
    const told = fault(specOf(expression))
    expect(told).toMatch(/^FEATURES_INVALID 78 /)
    expect(told).toContain(text)
    expect(told).toContain('feature one: ')
  })

  it.each(['1st', 'with space', 'as_of', 'label', 'CUSTOMER_ID', ''])(
    'the name %j is refused',
    (name) => {
      expect(fault(specOf(count, name))).toMatch(/FEATURES_INVALID 78 .*(not a name|taken)/s)
    },
  )

  it('a name twice is refused, also where only the case differs', () => {
    const { features: twice } = specOf(count)
    const spec = { ...specOf(count), features: [...twice, { ...twice[0], name: 'ONE' }] }
    expect(fault(spec)).toContain('feature ONE is declared twice (one)')
  })

  it('all faults are told at once', () => {
    const spec = specOf({ ...count, source: { ...orders, event: 'x' } }, 'as_of')
    expect(fault({ ...spec, version: 0 }).split('\n')).toHaveLength(4)
  })

  it('a column type that is not that of the values is refused', () => {
    const spec = specOf(count)
    const wrong = { ...spec, features: [{ ...spec.features[0], type: 'string' as const }] }
    expect(fault(wrong)).toContain('its values are long, not string')
  })

  it('eligibility is checked as well', () => {
    const eligible = { source: { ...orders, event: 'x' }, withinMs: day }
    expect(fault(specOf(count), eligible)).toContain('there is no event x')
    expect(fault(specOf(count), { source: orders, withinMs: 0 })).toContain('above 0')
  })

  it('an event type is named as its record', () => {
    const wrong = { ...schemas, visits: schemas.visit }
    expect(() => features('a', 1, wrong, ({ on }) => ({ plan: latest(on.plan.plan) }))).toThrow(
      'event visits has the schema of record visit',
    )
  })

  it('what is right passes', () => {
    expect(fault(vectorFeatures.spec)).toBe('nothing')
  })
})
