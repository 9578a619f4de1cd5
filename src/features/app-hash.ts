/**
 * The identity of an app's outputs: everything on which a value, a verdict or a row depends. State,
 * snapshots, training sets and bundles carry its hash; another hash is another generation.
 */
import type { EventSchemas } from '../events/schema-types.js'
import { canonicalHash, canonicalJson } from './canonical-json.js'
import { MS_PER_DAY } from './duration.js'
import { DUPLICATE_WITHIN_MS, IDS_MAX } from './judge.js'
import type { EligibleSpec, FeatureSetSpec } from './spec.js'

/** To be raised by whoever changes what the same declaration gives. */
const SEMANTICS_VERSION = 1

/** An event further ahead of its record's timestamp is refused. */
export const FUTURE_MS = 300_000

/** A customer is retired so long after the longest window has passed over his newest event. */
export const RETIRE_AFTER_MS = 30 * MS_PER_DAY

/** What an app declares, as far as its outputs depend on it. */
export interface Declaration {
  readonly features: FeatureSetSpec
  readonly schemas: EventSchemas
  readonly eligible: EligibleSpec | null
  /** The data rules as plain JSON. */
  readonly rules: unknown
}

/** The declaration as the JSON value that is hashed and stored beside state, for a later diff. */
export function canonicalDeclaration({ features, schemas, eligible, rules }: Declaration): unknown {
  const value = {
    semantics: SEMANTICS_VERSION,
    // How drift judges a feature changes none of its values.
    features: {
      ...features,
      features: features.features.map(({ name, type, expression }) => ({ name, type, expression })),
    },
    schemas: withoutDocs(schemas),
    eligible,
    rules,
    time: {
      duplicateWithinMs: DUPLICATE_WITHIN_MS,
      idsMax: IDS_MAX,
      futureMs: FUTURE_MS,
      retireAfterMs: RETIRE_AFTER_MS,
    },
  }
  return JSON.parse(canonicalJson(value)) as unknown
}

/** SHA-256 (hex) of the canonical JSON of a declaration. */
export function appHashOf(declaration: Declaration): string {
  return canonicalHash(canonicalDeclaration(declaration))
}

/** Documentation may be mended without a rebuild. */
function withoutDocs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDocs)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).filter(([name, member]) => {
    return !(name === 'doc' && typeof member === 'string')
  })
  return Object.fromEntries(members.map(([name, member]) => [name, withoutDocs(member)]))
}

/**
 * What differs between two canonical declarations, one line each, for the refusal of state that
 * another declaration made.
 *
 * @example diffDeclarations(stored, current)
 * // ['features.features.logins.expression.window.lengthMs: 604800000 → 864000000']
 */
export function diffDeclarations(before: unknown, after: unknown): string[] {
  return diff(before, after, '')
}

function diff(before: unknown, after: unknown, path: string): string[] {
  const old = membersOf(before)
  const now = membersOf(after)
  if (old === null || now === null) {
    const same = textOf(before) === textOf(after)
    return same ? [] : [`${path || 'the declaration'}: ${textOf(before)} → ${textOf(after)}`]
  }
  const lines: string[] = []
  for (const name of new Set([...old.keys(), ...now.keys()])) {
    const where = path === '' ? name : `${path}.${name}`
    if (!now.has(name)) lines.push(`${where}: removed`)
    else if (!old.has(name)) lines.push(`${where}: added`)
    else lines.push(...diff(old.get(name), now.get(name), where))
  }
  if (lines.length === 0 && [...old.keys()].join('\n') !== [...now.keys()].join('\n')) {
    lines.push(`${path}: in another order`)
  }
  return lines
}

/** Members by name: of a list too, if all its items are named; null for anything else. */
function membersOf(value: unknown): Map<string, unknown> | null {
  if (typeof value !== 'object' || value === null) return null
  if (!Array.isArray(value)) return new Map(Object.entries(value))
  const names = value.map((item: unknown) => (item as { name?: unknown } | null)?.name)
  const named = names.length > 0 && names.every((name) => typeof name === 'string')
  return named ? new Map(names.map((name, i) => [name, value[i] as unknown])) : null
}

const TEXT_MAX = 120

function textOf(value: unknown): string {
  const text = value === undefined ? 'nothing' : canonicalJson(value)
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text
}
