/**
 * What the environment says over the file: a variable for each option, and references to variables
 * of any name inside the file's texts.
 */
import { nearest } from '../features/nearest.js'
import type { Fault } from './faults.js'
import { options, prefix, type Option, variableOf } from './options.js'

export type Environment = Readonly<Record<string, string | undefined>>

type Tree = Record<string, unknown>

export interface Overlaid {
  readonly tree: Tree
  /** Which variable set an option, by its path joined with dots. */
  readonly variables: ReadonlyMap<string, string>
  readonly faults: readonly Fault[]
}

/** Puts the variables over the file's tree, which stays as it is. */
export function overlay(file: unknown, environment: Environment): Overlaid {
  const faults: Fault[] = []
  const tree = referred(file, environment, [], faults) as Tree
  const variables = new Map<string, string>()
  for (const option of options) {
    const text = environment[option.variable]
    if (text !== undefined) {
      put(tree, option.path, valueOf(option, text))
      variables.set(option.path.join('.'), option.variable)
    }
    const path = environment[`${option.variable}_FILE`]
    if (option.secret === undefined || path === undefined) continue
    if (text === undefined) put(tree, option.path, { file: path })
    else faults.push({ path: option.path, text: `${option.variable} and its _FILE are both set` })
    variables.set(option.path.join('.'), `${option.variable}_FILE`)
  }
  return { tree, variables, faults: [...faults, ...misspelt(environment)] }
}

/** In lists a comma parts the items, as no item of ours has one. */
function valueOf({ kind }: Option, text: string): unknown {
  if (kind === 'list') return text.split(',').map((item) => item.trim())
  if (kind === 'number' && /^-?\d{1,15}$/.test(text)) return Number(text)
  if (kind === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  return text
}

function put(tree: Tree, path: readonly string[], value: unknown): void {
  const last = path[path.length - 1]
  let at = tree
  for (const part of path.slice(0, -1)) {
    const next = at[part]
    // `ssl: true` in the file, and one of its files in the environment.
    if (typeof next !== 'object' || next === null) at[part] = {}
    at = at[part] as Tree
  }
  at[last] = value
}

/** A copy of the file's tree in which `${NAME}` is replaced by the variable of that name. */
function referred(
  value: unknown,
  environment: Environment,
  path: readonly PropertyKey[],
  faults: Fault[],
): unknown {
  if (Array.isArray(value)) {
    return value.map((item, i) => referred(item, environment, [...path, i], faults))
  }
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([name, member]) => {
      return [name, referred(member, environment, [...path, name], faults)] as const
    })
    return Object.fromEntries(members)
  }
  if (typeof value !== 'string') return value
  return value.replace(/\$\{([^}]*)\}/g, (whole, name: string) => {
    const found = environment[name]
    if (found === '' && whole === value) {
      faults.push({ path, text: `the environment variable ${name} is empty` })
    }
    if (found !== undefined) return found
    faults.push({ path, text: `the environment variable ${name} is not set` })
    return whole
  })
}

/**
 * A variable that was meant for us and has a name that nobody reads. Only what is near a known name
 * is told: an orchestrator puts variables of its own beside ours.
 */
function misspelt(environment: Environment): Fault[] {
  const known = options.flatMap(({ variable, secret }) =>
    (secret === undefined ? [variable] : [variable, `${variable}_FILE`]).map(ownPart),
  )
  const sections = new Set(
    options.flatMap(({ path }) => path.slice(1).map((_, i) => variableOf(path.slice(0, i + 1)))),
  )
  return Object.keys(environment)
    .filter((name) => name.startsWith(prefix) && !known.includes(ownPart(name)))
    .flatMap((name) => {
      if (sections.has(name)) {
        const text = `the environment variable ${name} sets nothing: there is one for each option below`
        return [{ path: [], text }]
      }
      const hint = nearest(ownPart(name), known).replace('did you mean ', `did you mean ${prefix}`)
      const text = `the environment variable ${name} sets nothing${hint}`
      return hint === '' ? [] : [{ path: [], text }]
    })
}

/** What all of them share would make any two of them near. */
const ownPart = (name: string): string => name.slice(prefix.length)
