/**
 * What a bundle says of itself: the part of `bundle.json` that scoring needs, checked. The rest
 * (metrics, reference histograms, provenance) is kept as it came, for it is hashed too.
 */
import { z } from 'zod'
import { configurationError } from '../errors.js'
import { canonicalHash } from '../features/canonical-json.js'
import type { BundleInfo } from './scorer.js'

const NAME_MAX = 200
const FEATURES_MAX = 4096
const FILES_MAX = 64

const label = z.string().min(1).max(NAME_MAX)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in lower-case hexadecimal')
// A name in the folder itself: a path could leave it.
const fileName = z
  .string()
  .max(NAME_MAX)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/, 'is not a plain file name')

const feature = z.looseObject({ name: label, type: z.enum(['long', 'double', 'string']) })

const manifestSchema = z.looseObject({
  format: z.literal(1),
  name: label,
  version: label,
  kind: label,
  app: label,
  appHash: sha256,
  featureSet: label,
  features: z.array(feature).min(1).max(FEATURES_MAX),
  inputs: z.object({ num: z.array(label), cat: z.array(label).default([]) }),
  output: label,
  threshold: z.number().min(0).max(1),
  data: z.looseObject({ synthetic: z.boolean() }),
  files: z
    .record(fileName, sha256)
    .refine((files) => 'model.onnx' in files, 'lists no model.onnx')
    .refine((files) => Object.keys(files).length <= FILES_MAX, `lists over ${FILES_MAX} files`),
})

export type Manifest = z.infer<typeof manifestSchema>

/**
 * Checks the text of a `bundle.json` and takes its hash, over all of it and not only what is known.
 *
 * Errors: `MODEL_INVALID` with every path that is wrong. `subject` names the file in the text.
 */
export function parseManifest(
  text: string,
  subject: string,
): { readonly manifest: Manifest; readonly hash: string } {
  let value: unknown
  let hash: string
  try {
    value = JSON.parse(text)
    hash = canonicalHash(value)
  } catch (error) {
    // Text that is no JSON, half surrogate pairs, or nested until the stack ends.
    const reason = error instanceof Error ? error.message : String(error)
    throw configurationError('MODEL_INVALID', `${subject} is not JSON: ${reason}`, error)
  }
  const checked = manifestSchema.safeParse(value)
  if (!checked.success) {
    throw configurationError('MODEL_INVALID', `${subject} is no bundle: ${reasons(checked.error)}`)
  }
  const unclear = inputsUnclear(checked.data)
  if (unclear !== null) throw configurationError('MODEL_INVALID', `${subject}: ${unclear}`)
  return { manifest: checked.data, hash }
}

/** What scores say of a bundle. */
export function infoOf(manifest: Manifest, hash: string): BundleInfo {
  const { name, version, threshold, appHash } = manifest
  return { name, version, hash, threshold, appHash, synthetic: manifest.data.synthetic }
}

/** Each feature feeds one input of its kind, once; else a column would be read as another. */
function inputsUnclear(manifest: Manifest): string | null {
  const types = new Map(manifest.features.map((feature) => [feature.name, feature.type]))
  if (types.size !== manifest.features.length) return 'a feature is listed twice'
  const { num, cat } = manifest.inputs
  const fed = [...num, ...cat]
  if (new Set(fed).size !== fed.length) return 'a feature feeds two inputs'
  for (const name of fed) if (!types.has(name)) return `input column ${name} is not a feature`
  for (const name of num) if (types.get(name) === 'string') return `${name} in num is a string`
  for (const name of cat) if (types.get(name) !== 'string') return `${name} in cat is a number`
  return null
}

function reasons(error: z.ZodError): string {
  const shown = error.issues.slice(0, 8)
  const texts = shown.map((issue) => `/${issue.path.join('/')} ${issue.message}`)
  const more = error.issues.length - shown.length
  return texts.join('; ') + (more > 0 ? `; and ${more} more` : '')
}
