/** All options as a list: their paths, their kinds, and the environment variables that set them. */
import { z } from 'zod'
import { configSchema, type OptionMeta } from './schema.js'

export interface Option extends OptionMeta {
  readonly path: readonly string[]
  readonly kind: 'text' | 'number' | 'boolean' | 'list'
  /** `TIDEMARK_KAFKA_CLIENT_ID` for `kafka.clientId`. */
  readonly variable: string
}

/** The part of JSON Schema that zod writes for our declaration. */
interface Shape extends OptionMeta {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Shape>>
  readonly anyOf?: readonly Shape[]
  readonly oneOf?: readonly Shape[]
}

const kinds: Readonly<Record<string, Option['kind']>> = {
  string: 'text',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  array: 'list',
}

/** What all variables begin with. */
export const prefix = 'TIDEMARK_'

/** In the order of the declaration; what several branches of a choice have is there once. */
export const options: readonly Option[] = collected()

/** Names that may stand below a path, for a hint about one that may not. */
export function namesBelow(path: readonly string[]): string[] {
  const below = options.filter((option) => path.every((part, i) => option.path[i] === part))
  return [...new Set(below.map((option) => option.path[path.length] ?? ''))].filter(Boolean)
}

/** The option at a path, an item of a list counting as its list. */
export function optionAt(path: readonly PropertyKey[]): Option | undefined {
  const names = path.filter((part) => typeof part === 'string').join('.')
  return options.find((option) => option.path.join('.') === names)
}

function collected(): Option[] {
  const found = new Map<string, Option>()
  const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Shape
  collect(schema, [], found)
  return [...found.values()]
}

function collect(shape: Shape, path: readonly string[], found: Map<string, Option>): void {
  for (const branch of [...(shape.anyOf ?? []), ...(shape.oneOf ?? [])]) {
    collect(branch, path, found)
  }
  for (const [name, member] of Object.entries(shape.properties ?? {})) {
    collect(member, [...path, name], found)
  }
  const kind = shape.type === undefined ? undefined : kinds[shape.type]
  const name = path.join('.')
  if (kind === undefined || found.has(name)) return
  const { secret, file } = shape
  const facts = { ...(secret && { secret }), ...(file && { file }) }
  found.set(name, { path, kind, variable: variableOf(path), ...facts })
}

/** @example variableOf(['kafka', 'clientId']) // 'TIDEMARK_KAFKA_CLIENT_ID' */
export function variableOf(path: readonly string[]): string {
  const parts = path.map((part) => part.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase())
  return `${prefix}${parts.join('_')}`
}
