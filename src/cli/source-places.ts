/** Names the places of a stack by the sources: the binary is a bundle (decision 0043). */
import { readFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageFolder } from './package-folder.js'

/** By file; null: there is none, or none that can be read. */
const maps = new Map<string, SourceMap | null>()

/**
 * The stack of an error, or whatever was thrown as a text. Places in modules that have a source map
 * beside them become those of the sources, relative to the package; all others stay.
 *
 * @example stackOf(new Error('x')) // 'Error: x\n    at openTask (src/topology/open-task.ts:80:3)'
 */
export function stackOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return stack.replace(/(file:\/\/[^\s()]+):(\d+):(\d+)/g, (place, url: string, line, column) => {
    try {
      return sourceOf(fileURLToPath(url), Number(line) - 1, Number(column) - 1) ?? place
    } catch {
      // What was thrown is told in any case: its message may have a place that is none.
      return place
    }
  })
}

function sourceOf(path: string, line: number, column: number): string | null {
  const entry = sourceMapOf(path)?.findEntry(line, column)
  if (entry === undefined || !('originalSource' in entry)) return null
  const source = relative(packageFolder, resolve(dirname(path), entry.originalSource))
  return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
}

function sourceMapOf(path: string): SourceMap | null {
  const known = maps.get(path)
  if (known !== undefined) return known
  const map = readMap(`${path}.map`)
  maps.set(path, map)
  return map
}

function readMap(path: string): SourceMap | null {
  try {
    return new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as SourceMapPayload)
  } catch {
    // Without it the place in the bundle is shown.
    return null
  }
}
