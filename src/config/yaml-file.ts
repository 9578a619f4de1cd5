/** The text of a configuration file as a tree, and where in the text each part of it stands. */
import { isMap, isNode, isPair, LineCounter, parseDocument, type Document } from 'yaml'
import { configurationError } from '../errors.js'

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
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const fault = document.errors[0]
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
  const snippet = (text.split('\n')[line - 1] ?? '').trimEnd().slice(0, 120)
  const pointer = `${' '.repeat(Math.min(column - 1, 120))}^`
  return configurationError(
    'CONFIG_SYNTAX',
    `${origin}:${line}:${column}: ${what}\n  ${snippet}\n  ${pointer}`,
  )
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
