/**
 * What an event brings to each source of its type: whether it counts, and its value.
 *
 * The accessor of a type is compiled to one straight function with named properties: an accessor
 * that takes its field's name from a variable costs several times as much in V8, and this is the
 * hottest place of the engine. Its text is made of checked Avro names and of JSON literals only.
 */
import type { EventBody } from '../events/event.js'
import type { Source, TypePlan } from './plan.js'
import { negate } from './refs.js'
import type { ConditionSpec } from './spec.js'

/** What the last extracted event brought, by source index. */
export interface Extracted {
  /** 1 where the event counts for the source (its value is there, its condition holds), else 0. */
  readonly hits: number[]
  readonly numbers: Float64Array
  readonly texts: string[]
}

export type Extract = (body: EventBody, into: Extracted) => void

/** @example extractOf(plan.byType[0])(body, extracted) */
export function extractOf({ sources }: TypePlan): Extract {
  const fields = [...new Set(sources.flatMap(fieldsOf))]
  const lines = fields.map((field, i) => `const v${i} = body.${field}`)
  for (const source of sources)
    lines.push(...linesOf(source, (field) => `v${fields.indexOf(field)}`))
  const text = ['const { hits, numbers, texts } = into', ...lines].join('\n')
  // oxlint-disable-next-line typescript/no-implied-eval -- see the head of this file
  return new Function('body', 'into', text) as Extract
}

/** Whether a condition holds for a body: for labels, which read few events. */
export function conditionOf(where: ConditionSpec | null): (body: EventBody) => boolean {
  if (where === null) return () => true
  const text = `return ${conditionText(where, (field) => `body.${field}`)}`
  // oxlint-disable-next-line typescript/no-implied-eval -- see the head of this file
  return new Function('body', text) as (body: EventBody) => boolean
}

function linesOf(source: Source, valueOf: (field: string) => string): string[] {
  const { index, field, where, carries } = source
  const condition = where === null ? 'true' : conditionText(where, valueOf)
  if (field === null) return [`hits[${index}] = ${condition} ? 1 : 0`]
  const value = valueOf(field)
  if (carries === 'number') {
    // v - v is 0 for finite numbers only; v + 0 turns −0 into 0.
    return [
      `if (typeof ${value} === 'number' && ${value} - ${value} === 0 && ${condition}) {`,
      `  hits[${index}] = 1`,
      `  numbers[${index}] = ${value} + 0`,
      `} else hits[${index}] = 0`,
    ]
  }
  return [
    `if (${value} !== null && ${value} !== undefined && ${condition}) {`,
    `  hits[${index}] = 1`,
    `  texts[${index}] = ${source.fieldType?.kind === 'boolean' ? `String(${value})` : value}`,
    `} else hits[${index}] = 0`,
  ]
}

function fieldsOf({ field, where }: Source): string[] {
  const inCondition = where === null ? [] : conditionFields(where)
  return field === null ? inCondition : [field, ...inCondition]
}

function conditionFields(where: ConditionSpec): string[] {
  if (where.op === 'not') return conditionFields(where.of)
  return 'of' in where ? where.of.flatMap(conditionFields) : [where.field]
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

function conditionText(where: ConditionSpec, valueOf: (field: string) => string): string {
  if (where.op === 'not') {
    // Pushed down to the fields, so that a condition on a null field is false whatever stands above.
    return where.of.op === 'present'
      ? `!${conditionText(where.of, valueOf)}`
      : conditionText(negate(where.of), valueOf)
  }
  if ('of' in where) {
    const parts = where.of.map((part) => conditionText(part, valueOf))
    return `(${parts.join(where.op === 'and' ? ' && ' : ' || ')})`
  }
  if (!NAME.test(where.field)) throw new TypeError(`${where.field} is not an Avro name`)
  const value = valueOf(where.field)
  const present = `${value} !== null && ${value} !== undefined`
  switch (where.op) {
    case 'present':
      return `(${present})`
    case 'in':
      return `(${where.values.map((one) => `${value} === ${JSON.stringify(one)}`).join(' || ')})`
    case '=':
      return `(${value} === ${JSON.stringify(where.value)})`
    case '!=':
      return `(${present} && ${value} !== ${JSON.stringify(where.value)})`
    case '<':
    case '<=':
    case '>':
    case '>=':
      return `(${present} && ${value} ${where.op} ${JSON.stringify(where.value)})`
  }
}
