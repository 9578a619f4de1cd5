/** The bundles of `test/fixtures/models`, their app, and rows for them. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { canonicalHash } from '../../src/features/canonical-json.js'
import { FeatureRows, type Column } from '../../src/features/rows.js'
import type { TidemarkError } from '../../src/errors.js'
import type { AppColumns } from '../../src/scoring/bundle-fit.js'

const folder = fileURLToPath(new URL('../fixtures/models/', import.meta.url))

export function fixture(name: string): string {
  return join(folder, name)
}

/** The declared order of the app; a column that no bundle reads stands in the middle. */
export const columns: readonly Column[] = [
  { name: 'logins', type: 'long' },
  { name: 'country', type: 'string' },
  { name: 'plan', type: 'string' },
  { name: 'unread', type: 'double' },
  { name: 'amount', type: 'double' },
  { name: 'days', type: 'long' },
]

export const app: AppColumns = {
  appHash: createHash('sha256').update('an app of the tests').digest('hex'),
  columns,
}

export interface Row {
  readonly logins?: number | null
  readonly plan?: string | null
  readonly amount?: number | null
  readonly days?: number | null
}

export function rowsOf(values: readonly Row[]): FeatureRows {
  const rows = new FeatureRows(columns, 1)
  for (const value of values) {
    const row = rows.add('c', 'event')
    const numbers = [value.logins, 7, value.amount, value.days]
    numbers.forEach((number, i) => {
      rows.numbers[row * rows.numericCount + i] = number ?? Number.NaN
    })
    rows.strings.push('elsewhere', value.plan ?? null)
  }
  return rows
}

/** Rows of every kind: nulls, unknown categories, extremes. The same ones for the same `seed`. */
export function manyRows(count: number, seed = 1): FeatureRows {
  let state = seed
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 8) / 16_777_216
  }
  const plans = ['free', 'basic', 'plus ☂', '', null, 'never seen', '💥']
  const maybe = (value: number): number | null => (random() < 0.15 ? null : value)
  return rowsOf(
    Array.from({ length: count }, () => ({
      logins: maybe(Math.floor(random() * 12)),
      plan: plans[Math.floor(random() * plans.length)]!,
      amount: maybe(random() < 0.02 ? 1e39 : random() * 300),
      days: maybe(Math.floor(random() * 70)),
    })),
  )
}

/** A copy of a fixture that a test may spoil. */
export async function copyOf(name: string): Promise<string> {
  const to = await temporaryFolder()
  const copy = join(to, name)
  await cp(fixture(name), copy, { recursive: true })
  return copy
}

export async function temporaryFolder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'tidemark-scoring-'))
  onTestFinished(() => rm(made, { recursive: true, force: true }))
  return made
}

/** Changes the bundle.json of a copy and makes HASH agree again. */
export async function rewrite(
  copy: string,
  change: (manifest: Record<string, unknown>) => void,
): Promise<void> {
  const path = join(copy, 'bundle.json')
  const manifest = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
  change(manifest)
  await writeFile(path, JSON.stringify(manifest))
  await writeFile(join(copy, 'HASH'), canonicalHash(manifest))
}

/** What a promise is refused with; fails where it is not. */
export async function refusal(promise: Promise<unknown>): Promise<TidemarkError> {
  try {
    await promise
  } catch (error) {
    return error as TidemarkError
  }
  throw new Error('it was not refused')
}

export function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length)
}
