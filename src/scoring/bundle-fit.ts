/** Whether a bundle, its graph and the app that runs speak of the same columns. */
import { configurationError } from '../errors.js'
import type { Column } from '../features/rows.js'
import type { Manifest } from './manifest.js'
import type { ModelSignature, ValueInfo } from './model-proto.js'
import type { BundleInfo } from './scorer.js'

/** What of an app a bundle must fit; a `FeatureEngine` is one. */
export interface AppColumns {
  readonly appHash: string
  readonly columns: readonly Column[]
}

interface Difference {
  readonly subject: string
  readonly due: string
  readonly came: string
}

/**
 * Checks that the graph has the inputs and the output that the manifest declares: `num`
 * float[N,k], `cat` string[N,m] where there are categories, and one float a row.
 *
 * Errors: `MODEL_MISMATCH` with a table of what differs.
 */
export function checkSignature(
  manifest: Manifest,
  signature: ModelSignature,
  folder: string,
): void {
  const { num, cat } = manifest.inputs
  const due: ValueInfo[] = []
  if (num.length > 0) due.push({ name: 'num', type: 'float', shape: [null, num.length] })
  if (cat.length > 0) due.push({ name: 'cat', type: 'string', shape: [null, cat.length] })
  const output: ValueInfo = { name: manifest.output, type: 'float', shape: [null, 1] }
  const differences = [
    ...differencesOf('input', due, signature.inputs),
    // A graph may compute more than is asked; only the declared output is fetched.
    ...differencesOf('output', [output], signature.outputs).filter((row) => row.due !== ABSENT),
  ]
  if (differences.length === 0) return
  throw configurationError(
    'MODEL_MISMATCH',
    `the graph of bundle ${folder} is not what its bundle.json declares:\n${table(differences)}`,
  )
}

/**
 * Checks that a bundle was trained for the app that runs. The declaration decides, by its hash:
 * equal names may mean other windows or rules.
 *
 * Errors: `BUNDLE_APP_MISMATCH` where the app hash differs, `MODEL_MISMATCH` where features do
 * although it does not; both with a table of what differs.
 */
export function checkFits(
  bundle: { readonly info: BundleInfo; readonly manifest: Manifest },
  app: AppColumns,
): void {
  const { info, manifest } = bundle
  const columns = new Map(app.columns.map((column) => [column.name, column.type]))
  const differences: Difference[] = []
  for (const feature of manifest.features) {
    const came = columns.get(feature.name) ?? ABSENT
    if (came === feature.type) continue
    differences.push({ subject: `feature ${feature.name}`, due: feature.type, came })
  }
  const name = `bundle ${info.name} ${info.version}`
  if (info.appHash !== app.appHash) {
    const hashes = { subject: 'app hash', due: info.appHash, came: app.appHash }
    const same = differences.length === 0
    throw configurationError(
      'BUNDLE_APP_MISMATCH',
      `${name} was trained for another declaration of app ${manifest.app} ` +
        `(${same ? 'its features agree by name and type; windows, rules or schemas differ' : 'features differ'}):\n` +
        `${table([hashes, ...differences])}\ntrain it again, or run the app that it was trained for`,
    )
  }
  if (differences.length === 0) return
  throw configurationError(
    'MODEL_MISMATCH',
    `${name} reads features that the app does not have:\n${table(differences)}`,
  )
}

const ABSENT = 'absent'

function differencesOf(
  kind: string,
  due: readonly ValueInfo[],
  came: readonly ValueInfo[],
): Difference[] {
  const differences: Difference[] = []
  for (const wanted of due) {
    const found = came.find((value) => value.name === wanted.name)
    if (found !== undefined && fits(wanted, found)) continue
    const text = found === undefined ? ABSENT : textOf(found)
    differences.push({ subject: `${kind} ${wanted.name}`, due: textOf(wanted), came: text })
  }
  for (const found of came) {
    if (due.some((wanted) => wanted.name === found.name)) continue
    differences.push({ subject: `${kind} ${found.name}`, due: ABSENT, came: textOf(found) })
  }
  return differences
}

/** A dimension that the file leaves open fits any; the number of rows must be open. */
function fits(wanted: ValueInfo, found: ValueInfo): boolean {
  if (wanted.type !== found.type) return false
  if (found.shape === null) return true
  return (
    found.shape.length === 2 &&
    found.shape[0] === null &&
    (found.shape[1] === null || found.shape[1] === wanted.shape?.[1])
  )
}

function textOf(value: ValueInfo): string {
  const shape = value.shape?.map((length, index) => length ?? (index === 0 ? 'N' : '?'))
  return `${value.type}[${shape?.join(',') ?? '...'}]`
}

function table(differences: readonly Difference[]): string {
  const rows = [{ subject: '', due: 'due', came: 'came' }, ...differences]
  const subjects = Math.max(...rows.map((row) => row.subject.length))
  const dues = Math.max(...rows.map((row) => row.due.length))
  return rows
    .map((row) => `  ${row.subject.padEnd(subjects)}  ${row.due.padEnd(dues)}  ${row.came}`)
    .join('\n')
}
