/**
 * Reads the configuration of the commands that run on servers: one YAML file, and the environment
 * over it. All that is wrong is told at once.
 */
import { dirname, resolve } from 'node:path'
import { configurationError } from '../errors.js'
import { crossFaults } from './checks.js'
import { type Environment, overlay } from './environment.js'
import { dueText, type Fault, faultsOf } from './faults.js'
import { readFiles } from './files.js'
import { readBounded } from './read-bounded.js'
import { type Config, configSchema } from './schema.js'
import { parseYaml, type YamlFile } from './yaml-file.js'

export interface LoadedConfig {
  readonly config: Config
  /** Absolute; paths in the file are relative to its folder. */
  readonly path: string
  readonly folder: string
}

/** Larger files are something else. */
const bytesMax = 1024 * 1024

/**
 * @throws with exit code 78: `CONFIG_MISSING` where the file cannot be read, `CONFIG_SYNTAX`,
 *   `CONFIG_INVALID` with all faults, one a line
 * @example
 * const { config } = await loadConfig('tidemark.yaml', process.cwd(), process.env)
 * config.kafka.brokers // ['localhost:9092']
 */
export async function loadConfig(
  name: string,
  cwd: string,
  environment: Environment,
): Promise<LoadedConfig> {
  const path = resolve(cwd, name)
  const folder = dirname(path)
  const file = parseYaml(await textOf(path), path)
  if (typeof file.tree !== 'object' || Array.isArray(file.tree)) {
    throw invalid(path, ['a mapping of options is due'])
  }
  const { tree, variables, faults } = overlay(file.tree, environment)
  const fileFaults = await readFiles(tree, folder)
  const parsed = configSchema.safeParse(tree, { error: dueText })
  const issues = parsed.success ? [] : faultsOf(parsed.error.issues, tree)
  const all = [...faults, ...fileFaults, ...issues, ...crossFaults(tree)]
  if (!parsed.success || all.length > 0) {
    throw invalid(path, [...new Set(all.map((fault) => sentence(fault, file, variables)))])
  }
  return { config: parsed.data, path, folder }
}

async function textOf(path: string): Promise<string> {
  let bytes: Buffer | null
  try {
    bytes = await readBounded(path, bytesMax)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'it does not exist' : `the system says ${code}`
    throw configurationError('CONFIG_MISSING', `${path} cannot be read: ${why}`, error)
  }
  if (bytes !== null) return bytes.toString('utf8')
  const text = `${path} has more than ${bytesMax} bytes: that is no configuration`
  throw configurationError('CONFIG_SYNTAX', text)
}

/** Where it is: the variable that set it, or the line; then which option, then what is wrong. */
function sentence(fault: Fault, file: YamlFile, variables: ReadonlyMap<string, string>): string {
  const name = fault.path.map(String).join('.')
  const names = fault.path.filter((part) => typeof part === 'string').join('.')
  const place = file.placeOf(fault.path)
  const where = variables.get(names) ?? (place === null ? null : `line ${place.line}`)
  return [...(where === null ? [] : [where]), ...(name === '' ? [] : [name]), fault.text].join(': ')
}

function invalid(path: string, sentences: readonly string[]): Error {
  const count = sentences.length === 1 ? 'one fault' : `${sentences.length} faults`
  const lines = sentences.map((text) => `\n  ${text}`).join('')
  return configurationError('CONFIG_INVALID', `${path} has ${count}:${lines}`)
}
