/** The vectors of the contract: `test/vectors/`, read into what tests work with. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import type {
  AggregateKind,
  ConditionSpec,
  FeatureExpression,
  FeatureSetSpec,
  SourceSpec,
  WindowSpec,
} from '../../src/features/spec.js'
import type { NaiveAsk, NaiveDeclaration, NaiveRecord, Visibility } from './naive.js'
import { readParquet, type ParquetRow } from './parquet.js'

export const vectorSets = ['edges', 'order', 'dupes', 'values'] as const

export interface VectorSet {
  readonly records: readonly NaiveRecord[]
  readonly asks: readonly NaiveAsk[]
  /** The training sets due, in the order of `asks`. */
  readonly due: Readonly<Record<Visibility, readonly ParquetRow[]>>
}

export const vectorsFolder = fileURLToPath(new URL('../vectors/', import.meta.url))

export async function readVectors(name: (typeof vectorSets)[number]): Promise<VectorSet> {
  const file = (part: string): Promise<ParquetRow[]> =>
    readParquet(`${vectorsFolder}${name}/${part}.parquet`)
  const [events, rows, known, happened] = [
    await file('events'),
    await file('rows'),
    await file('known'),
    await file('happened'),
  ]
  const records = events.map(
    ({ partition, offset, logged_at, type, amount, plan, ...envelope }) => ({
      partition: partition as number,
      offset: offset as number,
      loggedAt: logged_at as number,
      type: type as string,
      body: { ...envelope, ...bodyOf(type as string, amount, plan) } as NaiveRecord['body'],
    }),
  )
  const asks = rows.map((row) => ({
    customer: row['customer_id'] as string,
    asOf: row['as_of'] as number,
  }))
  return { records, asks, due: { known, happened } }
}

/** Each type carries its own fields only. */
function bodyOf(type: string, amount: unknown, plan: unknown): Record<string, unknown> {
  if (type === 'order') return { amount }
  return type === 'plan' ? { plan } : {}
}

const unitMs = { ms: 1, s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7 } as const

function durationOf(text: string): number {
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text)
  if (match === null) throw new TypeError(`${text} is not a duration`)
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
}

/** Default tile: the largest unit that divides the window and is at most 1/24 of it. */
function windowOf(length: string, tile?: string): WindowSpec {
  const lengthMs = durationOf(length)
  const fits = Object.values(unitMs).filter(
    (unit) => lengthMs % unit === 0 && unit * 24 <= lengthMs,
  )
  return { lengthMs, tileMs: tile === undefined ? Math.max(...fits) : durationOf(tile) }
}

/** One entry of `spec.yaml`; which keys are there depends on the kind. */
interface Entry {
  readonly name: string
  readonly kind: string
  readonly event: string
  readonly field?: string
  readonly filter?: readonly (readonly [field: string, op: string, value: number])[]
  readonly window: string
  readonly tile?: string
  readonly of?: string | Entry
  readonly num: Entry
  readonly den: Entry
  readonly against: string
}

function sourceOf(entry: Entry): SourceSpec {
  const conditions = (entry.filter ?? []).map(
    ([field, op, value]) => ({ op, field, value }) as ConditionSpec,
  )
  return { event: entry.event, field: entry.field ?? null, where: conditions[0] ?? null }
}

function expressionOf(entry: Entry): FeatureExpression {
  const source = (): SourceSpec => sourceOf(entry)
  const window = (): WindowSpec => windowOf(entry.window, entry.tile)
  switch (entry.kind) {
    case 'rate':
      return { kind: 'rate', of: 'count', source: source(), window: window() }
    case 'days_since':
      return {
        kind: 'daysSince',
        of: entry.of as 'latest' | 'first',
        source: source(),
        window: window(),
      }
    case 'tenure':
      return { kind: 'tenure', source: source() }
    case 'ratio':
      return {
        kind: 'ratio',
        numerator: expressionOf(entry.num),
        denominator: expressionOf(entry.den),
      }
    case 'change': {
      const of = entry.of as Entry
      return {
        kind: 'change',
        of: of.kind as 'sum',
        source: sourceOf(of),
        window: window(),
        against: windowOf(entry.against),
      }
    }
    default:
      return {
        kind: entry.kind as AggregateKind,
        source: source(),
        window: entry.window === undefined ? null : window(),
      }
  }
}

const longKinds = new Set(['count', 'distinct', 'days_since', 'tenure'])

/** `spec.yaml` as a declaration, read without the feature language. */
export function vectorsDeclaration(): NaiveDeclaration {
  const text = readFileSync(`${vectorsFolder}spec.yaml`, 'utf8')
  const { name, features } = parse(text) as { name: string; features: readonly Entry[] }
  const spec: FeatureSetSpec = {
    name,
    version: 1,
    features: features.map((entry) => ({
      name: entry.name,
      type: longKinds.has(entry.kind) ? 'long' : entry.field === 'plan' ? 'string' : 'double',
      expression: expressionOf(entry),
      growing: entry.kind === 'tenure' || entry.window === undefined,
    })),
  }
  const label = {
    kind: 'lapse',
    source: { event: 'order', field: null, where: null },
    gapMs: durationOf('1d'),
    horizonMs: durationOf('7d'),
  } as const
  return { spec, eligible: null, label }
}
