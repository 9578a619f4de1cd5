/** Options whose value is in a file of its own: certificates, and secrets that are mounted. */
import { resolve } from 'node:path'
import { type Fault, valueAt } from './faults.js'
import { type Option, options } from './options.js'
import { readBounded } from './read-bounded.js'

/** A certificate or a password is smaller; anything else is some other file. */
const bytesMax = 1024 * 1024

/**
 * Replaces, in the tree, paths by the texts of the files and folders by absolute ones; answers what
 * is wrong with them. `folder` is the configuration's own.
 */
export async function readFiles(tree: unknown, folder: string): Promise<Fault[]> {
  const faults: Fault[] = []
  for (const option of options) {
    const { path } = option
    const parent = valueAt(tree, path.slice(0, -1)) as Record<string, unknown> | undefined
    const value = valueAt(tree, path)
    if (parent === undefined || value === undefined) continue
    const name = path[path.length - 1]
    if (option.file === 'folder') {
      if (typeof value === 'string' && value !== '') parent[name] = resolve(folder, value)
      continue
    }
    const file = fileOf(option, value)
    if (file !== null) {
      try {
        const text = await textOf(resolve(folder, file))
        parent[name] = option.file === 'text' ? text : text.replace(/\n$/, '')
      } catch (error) {
        faults.push({ path, text: (error as Error).message })
        // Something that fits, for the fault is told already.
        parent[name] = 'unreadable'
        continue
      }
    }
    const fault = secretFault(option, parent[name])
    if (fault !== null) faults.push({ path, text: fault })
  }
  return faults
}

function fileOf(option: Option, value: unknown): string | null {
  if (option.file === 'text') return typeof value === 'string' && value !== '' ? value : null
  if (option.secret === undefined) return null
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { file, ...rest } = value as { readonly file?: unknown }
  return typeof file === 'string' && Object.keys(rest).length === 0 ? file : null
}

async function textOf(path: string): Promise<string> {
  let bytes: Buffer | null
  try {
    bytes = await readBounded(path, bytesMax)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'it does not exist' : `the system says ${code}`
    throw new Error(`the file ${path} cannot be read: ${why}`, { cause: error })
  }
  if (bytes === null) throw new Error(`the file ${path} has more than ${bytesMax} bytes`)
  if (bytes.length === 0) throw new Error(`the file ${path} is empty`)
  return bytes.toString('utf8')
}

/**
 * A password with a line break in it was copied with its line, and no server would take it. The one
 * at the end of a file, which editors put there, is off already.
 */
function secretFault(option: Option, value: unknown): string | null {
  if (option.secret !== 'whole' || option.file === 'text' || typeof value !== 'string') return null
  if (value.includes('\r')) return 'the secret has a carriage return (CRLF): save it with LF only'
  if (value.includes('\0')) return 'the secret has a NUL byte: is it the right file?'
  return value.includes('\n') ? 'the secret has more than one line' : null
}
