/** Has a loaded model show that it is the one that was trained, on this machine and runtime. */
import { join } from 'node:path'
import { z } from 'zod'
import { configurationError } from '../errors.js'
import { FeatureRows, type Column } from '../features/rows.js'
import { bundleLimits, readBounded, type Bundle } from './bundle.js'
import type { Scorer } from './scorer.js'

/** How far a probability may lie from the trainer's on another runtime or CPU family. */
export const PARITY_TOLERANCE = 1e-6

const paritySchema = z.looseObject({
  inputs: z.object({ num: z.array(z.string()), cat: z.array(z.string()) }),
  /** Version of the Python runtime that computed the probabilities. */
  onnxruntime: z.string(),
  rows: z
    .array(
      z.object({
        num: z.array(z.number().nullable()),
        cat: z.array(z.string().nullable()),
        probability: z.number(),
      }),
    )
    .max(10_000),
})

export interface Proof {
  /** Rows compared; 0 for a bundle without `parity.json`. */
  readonly rows: number
  /** Rows whose float32 is the trainer's to the last bit. */
  readonly bitsEqual: number
  readonly largestDifference: number
  /** Version of the runtime that the trainer used; null without `parity.json`. */
  readonly onnxruntime: string | null
}

/**
 * Scores the rows of the bundle's `parity.json` and the row of an unknown customer (all null).
 *
 * Errors: `MODEL_INVALID` where an answer is no probability or lies further than
 * {@link PARITY_TOLERANCE} from the trainer's, or where `parity.json` cannot be read.
 */
export async function proveBundle(
  bundle: Bundle,
  scorer: Scorer,
  columns: readonly Column[],
): Promise<Proof> {
  const parity = await readParity(bundle)
  const rows = new FeatureRows(columns)
  for (const row of parity?.rows ?? []) addRow(rows, parity!.inputs, row.num, row.cat)
  addRow(rows, { num: [], cat: [] }, [], [])
  const scores = await answersOf(bundle, scorer, rows)
  let bitsEqual = 0
  let largestDifference = 0
  for (const [index, row] of (parity?.rows ?? []).entries()) {
    const difference = Math.abs(scores[index] - row.probability)
    if (difference === 0) bitsEqual++
    largestDifference = Math.max(largestDifference, difference)
    if (difference <= PARITY_TOLERANCE) continue
    throw notProved(
      bundle,
      `row ${index} of parity.json has ${row.probability} from the trainer and ${scores[index]} here`,
    )
  }
  const onnxruntime = parity?.onnxruntime ?? null
  return { rows: rows.length - 1, bitsEqual, largestDifference, onnxruntime }
}

async function answersOf(bundle: Bundle, scorer: Scorer, rows: FeatureRows): Promise<Float32Array> {
  let scores: Float32Array
  try {
    scores = await scorer.score(rows, 0, rows.length)
  } catch (error) {
    throw notProved(bundle, error instanceof Error ? error.message : String(error), error)
  }
  if (scores.length !== rows.length) {
    throw notProved(bundle, `${rows.length} rows got ${scores.length} scores`)
  }
  for (const [index, score] of scores.entries()) {
    if (score >= 0 && score <= 1) continue
    const row = index === rows.length - 1 ? 'the row of nulls' : `row ${index} of parity.json`
    throw notProved(bundle, `${row} got ${score}, which is no probability`)
  }
  return scores
}

async function readParity(bundle: Bundle): Promise<z.infer<typeof paritySchema> | null> {
  const path = join(bundle.folder, 'parity.json')
  let text: string
  try {
    text = (await readBounded(path, bundleLimits.manifestBytesMax)).toString('utf8')
  } catch (error) {
    // A bundle of another trainer need not have one.
    if ((error as { code?: unknown }).code === 'MODEL_MISSING') return null
    throw error
  }
  try {
    return paritySchema.parse(JSON.parse(text))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw notProved(bundle, `parity.json cannot be read: ${reason}`, error)
  }
}

/** Adds a row of which the given columns have values and all others are null. */
function addRow(
  rows: FeatureRows,
  inputs: { readonly num: readonly string[]; readonly cat: readonly string[] },
  num: readonly (number | null)[],
  cat: readonly (string | null)[],
): void {
  const row = rows.add('', 'event')
  let number = row * rows.numericCount
  for (const column of rows.columns) {
    if (column.type === 'string') {
      rows.strings.push(cat[inputs.cat.indexOf(column.name)] ?? null)
    } else {
      rows.numbers[number++] = num[inputs.num.indexOf(column.name)] ?? Number.NaN
    }
  }
}

function notProved(bundle: Bundle, reason: string, cause?: unknown): Error {
  const text = `bundle ${bundle.folder} fails its own test: ${reason}`
  return configurationError('MODEL_INVALID', text, cause)
}
