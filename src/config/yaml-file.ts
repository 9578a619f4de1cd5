/** The text of a configuration file as a tree, and where in the text each part of it stands. */
import { isMap, isNode, isPair, LineCounter, parseDocument, type Document } from 'yaml'
import { configurationError } from '../errors.js'
import { options } from './options.js'
import { withoutUser } from './secret.js'

export interface YamlFile {
  /** Plain data, as yet unchecked; an empty file is an empty mapping. */
  readonly tree: unknown
  /** Line and column, from 1, of the deepest part of a path that the text has; null: no part. */
  placeOf(path: readonly PropertyKey[]): { readonly line: number; readonly column: number } | null
}

/**
 * Reads YAML 1.2, of which JSON is a part.
 *
 * @throws TidemarkError CONFIG_SYNTAX (78) with line, column and the line itself
 */
export function parseYaml(text: string, origin: string): YamlFile {
  const lines = new LineCounter()
  const reading = { lineCounter: lines, prettyErrors: false, logLevel: 'error' } as const
  const document = parseDocument(text, reading)
  // A tag that nobody knows is a warning to the parser, and a value that was not meant to us.
  const fault = document.errors[0] ?? document.warnings[0]
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0])
    throw syntaxError(origin, fault.message, text, line, col)
  }
  let tree: unknown
  try {
    tree = document.toJS() as unknown
  } catch (error) {
    // Aliases that refer to nothing, or that would unfold to gigabytes.
    throw syntaxError(origin, (error as Error).message, text, 1, 1)
  }
  return {
    tree: tree ?? {},
    placeOf: (path) => {
      const offset = offsetOf(document, path)
      if (offset === null) return null
      const { line, col } = lines.linePos(offset)
      return { line, column: col }
    },
  }
}

function syntaxError(origin: string, what: string, text: string, line: number, column: number) {
  const whole = (text.split('\n')[line - 1] ?? '').trimEnd().slice(0, 120)
  const snippet = withoutSecrets(whole)
  const pointer = snippet === whole ? `${' '.repeat(Math.min(column - 1, 120))}^` : ''
  return configurationError(
    'CONFIG_SYNTAX',
    `${origin}:${line}:${column}: ${sentenceOf(what)}\n  ${snippet}\n  ${pointer}`.trimEnd(),
  )
}

/** What the parser says for a programmer is said for who writes the file; it may quote a value. */
function sentenceOf(what: string): string {
  if (/parseAllDocuments/.test(what)) return 'there is more than one document'
  if (/call stack/.test(what)) return 'it is nested too deep'
  return what.replace(/^(Unresolved alias)\b.*$/s, '$1: a value that begins with * needs quotes')
}

const secretNames = new Set(
  options.filter(({ secret }) => secret !== undefined).map(({ path }) => path[path.length - 1]),
)

/**
 * A line as it may be shown to anybody: behind the name of an option that is secret, and where no
 * option is named at all, nothing is told. What a broken text means nobody knows for sure.
 */
function withoutSecrets(line: string): string {
  const names = [...line.matchAll(/([A-Za-z]\w*)["']?\s*:/g)]
  const secret = names.find(([, name]) => secretNames.has(name))
  if (secret !== undefined) return `${line.slice(0, secret.index + secret[0].length)} ***`
  const isPlain = names.length > 0 || !/[\w$]{3,}/.test(line)
  return isPlain ? withoutUser(line) : '***'
}

/** Of the key where there is one, for that is what a person looks for. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number | null {
  let node: unknown = document.contents
  let offset: number | null = null
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(key) === String(part))
      if (!isPair(pair)) break
      offset = startOf(pair.key) ?? offset
      node = pair.value
    } else {
      const item: unknown = isNode(node) && 'items' in node ? node.items[Number(part)] : undefined
      if (item === undefined) break
      offset = startOf(item) ?? offset
      node = item
    }
  }
  return offset
}

function startOf(node: unknown): number | null {
  return isNode(node) ? (node.range?.[0] ?? null) : null
}
