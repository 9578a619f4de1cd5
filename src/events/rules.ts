/**
 * Data rules compiled: for each event type the checks that concern it, in declared order, behind
 * those of the envelope, which every event must pass.
 */
import { configurationError } from '../errors.js'
import { checkEnvelope, isLongerThan } from './envelope.js'
import type { EventBody, EventRules, Reject, RuleFlags } from './event.js'
import type { RuleSet, RuleSpec } from './rule-spec.js'

/** Longest text that a feature may keep of an event, in UTF-8 bytes: categories are names. */
export const keptTextBytesMax = 4096

/** All kinds in one shape, so that the loop below meets one kind of object. */
interface Check {
  readonly kind: RuleSpec['kind'] | 'length'
  readonly name: string
  readonly flags: boolean
  readonly field: string
  readonly min: number
  readonly max: number
  readonly values: ReadonlySet<unknown>
  /** Bit of the event type that is due before. */
  readonly bit: number
  /** What a broken check refuses with; texts are made only for a value that broke it. */
  readonly due: string
}

/**
 * Compiles rules for a codec's event types. `keptTexts` names, by event type, the fields whose
 * text must not pass `keptTextBytesMax`, whatever the rules say.
 *
 * Errors: `RULE_INVALID` (exit 78) where a rule names a type that is not among them.
 *
 * @example compileRules(rules(customerEvents, () => []), codec.types).check(type, body, 0, new Map())
 */
export function compileRules(
  rules: RuleSet,
  types: readonly string[],
  keptTexts: ReadonlyMap<string, readonly string[]> = new Map(),
): EventRules {
  const byType = types.map((type): Check[] => (keptTexts.get(type) ?? []).map(lengthCheck))
  const indexOf = (rule: RuleSpec, event: string): number => {
    const index = types.indexOf(event)
    if (index >= 0) return index
    throw configurationError('RULE_INVALID', `rule ${rule.name}: there is no event type ${event}`)
  }
  for (const rule of rules.spec) {
    const check = checkOf(rule, 1 << indexOf(rule, rule.event))
    const events = rule.kind === 'reference' ? rule.forEvents : [rule.event]
    for (const event of events) byType[indexOf(rule, event)].push(check)
  }
  return {
    check(type, body, acceptedTypes, flags) {
      return checkEnvelope(body) ?? firstBroken(byType[type], body, acceptedTypes, flags)
    },
  }
}

function firstBroken(
  checks: readonly Check[],
  body: EventBody,
  acceptedTypes: number,
  flags: RuleFlags,
): Reject | null {
  for (let i = 0; i < checks.length; i++) {
    const check = checks[i]
    const value = body[check.field]
    if (holds(check, value, acceptedTypes)) continue
    if (!check.flags) return rejectOf(check, value)
    flags.set(check.name, (flags.get(check.name) ?? 0) + 1)
  }
  return null
}

function holds(check: Check, value: unknown, acceptedTypes: number): boolean {
  switch (check.kind) {
    case 'required':
      return value !== null && value !== ''
    case 'range':
      return value === null || ((value as number) >= check.min && (value as number) <= check.max)
    case 'allowed':
      return value === null || check.values.has(value)
    case 'reference':
      return (acceptedTypes & check.bit) !== 0
    case 'length':
      return value === null || !isLongerThan(keptTextBytesMax, value as string)
  }
}

const codes = {
  required: 'FIELD_REQUIRED',
  range: 'FIELD_RANGE',
  allowed: 'FIELD_NOT_ALLOWED',
  reference: 'REFERENCE_MISSING',
  length: 'FIELD_TOO_LONG',
} as const

function rejectOf(check: Check, value: unknown): Reject {
  const code = codes[check.kind]
  if (check.kind === 'reference') return { code, reason: check.due }
  const came = typeof value === 'string' ? JSON.stringify(value.slice(0, 64)) : String(value)
  return { code, reason: `${check.field} is ${came}; ${check.due}`, field: `/${check.field}` }
}

const anyCheck = { flags: false, field: '', min: 0, max: 0, values: new Set<unknown>(), bit: 0 }

function lengthCheck(field: string): Check {
  const due = `at most ${keptTextBytesMax} bytes are due`
  return { ...anyCheck, kind: 'length', name: `${field} length`, field, due }
}

function checkOf(rule: RuleSpec, bit: number): Check {
  const base = {
    ...anyCheck,
    kind: rule.kind,
    name: rule.name,
    flags: rule.action === 'flag',
    field: 'field' in rule ? rule.field : '',
    bit,
  }
  switch (rule.kind) {
    case 'required':
      return { ...base, due: 'a value is due' }
    case 'range':
      return { ...base, min: rule.min, max: rule.max, due: `${rule.min} to ${rule.max} is due` }
    case 'allowed': {
      const values = new Set<unknown>(rule.values)
      return { ...base, values, due: `one of ${rule.values.slice(0, 20).join(', ')} is due` }
    }
    case 'reference': {
      const due = `no accepted ${rule.event} of this customer comes before`
      return { ...base, due }
    }
  }
}
