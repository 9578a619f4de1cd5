/** What is wrong with a configuration, as sentences: where, what is due, and what came. */
import type { z } from 'zod'
import { nearest } from '../features/nearest.js'
import { namesBelow, optionAt, options } from './options.js'
import { withoutUser } from './secret.js'

/** One thing that is wrong; an empty path is the whole. */
export interface Fault {
  readonly path: readonly PropertyKey[]
  readonly text: string
}

type Issue = z.core.$ZodIssue

/** A sentence for each issue; an unknown name is an issue of its own, with a hint. */
export function faultsOf(issues: readonly Issue[], tree: unknown): Fault[] {
  return issues.flatMap((issue) => faultsOfIssue(issue, issue.path, tree))
}

function faultsOfIssue(issue: Issue, path: readonly PropertyKey[], tree: unknown): Fault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const names = namesBelow(path.filter((part) => typeof part === 'string'))
      return { path: [...path, key], text: `there is no such option${nearest(key, names)}` }
    })
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The branch that was meant is the one that did not fail at once.
    const meant = issue.errors.find((errors) => !errors.some(isWrongKind))
    if (meant !== undefined) {
      return meant.flatMap((inner) => faultsOfIssue(inner, [...path, ...inner.path], tree))
    }
  }
  const came = valueAt(tree, path)
  if (came === undefined) return [{ path, text: `it is missing: ${issue.message}` }]
  return [{ path, text: `${issue.message}, not ${shown(came, path)}` }]
}

const isWrongKind = (issue: Issue): boolean =>
  issue.path.length === 0 && issue.code === 'invalid_type'

/** What is due where the declaration itself does not say it. */
export function dueText(issue: z.core.$ZodRawIssue): string {
  if (issue.code === 'invalid_union') return 'true, false or a mapping is due'
  if (issue.code !== 'invalid_type') return 'something else is due'
  const { expected } = issue as unknown as { readonly expected: string }
  return `${expected === 'object' ? 'a mapping' : `a ${expected}`} is due`
}

/** A word that is no secret where a mapping with secrets is due: `yes`, `plain`. */
const plainWord = /^[a-z]{0,5}$/i

/** Of a secret, and of what stands where secrets are due, nothing is shown; of the rest not much. */
function shown(value: unknown, path: readonly PropertyKey[]): string {
  const isText = typeof value === 'string'
  const isHidden = isText && !plainWord.test(value) && hasSecretBelow(path)
  if (isHidden || optionAt(path)?.secret !== undefined) return `what is there (${kindOf(value)})`
  if (typeof value === 'object' && value !== null) return kindOf(value)
  if (typeof value === 'number') return String(value)
  const text = withoutUser(JSON.stringify(value) ?? 'nothing')
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** Whether a mapping is due that would have a secret in it. */
function hasSecretBelow(path: readonly PropertyKey[]): boolean {
  const names = path.filter((part) => typeof part === 'string')
  return options.some(
    ({ secret, path: of }) => secret !== undefined && names.every((name, i) => of[i] === name),
  )
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  return typeof value === 'object' ? 'a mapping' : `a ${typeof value}`
}

export function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  let value = tree
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<PropertyKey, unknown>)[part]
  }
  return value
}
