import type { EventSchemas } from '../events/schema-types.js'
import { fieldTypeOf } from './field-types.js'
import type { FeatureExpression, FeatureSetSpec, SourceSpec } from './spec.js'

/**
 * The free-text fields whose values a feature keeps in state, by event type. They are what could
 * make a customer or a feature row too large for any store, so their length has a bound; enums
 * have their own, and conditions keep nothing.
 *
 * @example keptTexts(spec, schemas).get('customer_profile') // ['location']
 */
export function keptTexts(
  { features }: FeatureSetSpec,
  schemas: EventSchemas,
): ReadonlyMap<string, readonly string[]> {
  const kept = new Map<string, string[]>()
  for (const { expression } of features) {
    for (const { event, field } of keptSources(expression)) {
      const type = field === null ? null : fieldTypeOf(schemas, event, field)
      if (field === null || type?.kind !== 'string' || type.symbols !== null) continue
      const fields = kept.get(event) ?? []
      if (!fields.includes(field)) kept.set(event, [...fields, field])
    }
  }
  return kept
}

function keptSources(expression: FeatureExpression): readonly SourceSpec[] {
  switch (expression.kind) {
    case 'latest':
    case 'first':
    case 'distinct':
      return [expression.source]
    case 'ratio':
      return [expression.numerator, expression.denominator].flatMap(keptSources)
    case 'count':
    case 'sum':
    case 'mean':
    case 'min':
    case 'max':
    case 'stddev':
    case 'rate':
    case 'daysSince':
    case 'tenure':
    case 'change':
      return []
  }
}
