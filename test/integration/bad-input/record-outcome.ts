/** What became of a bad record, in the words of its line, so that the two can be compared. */
import type { Headers } from '../../../src/log/log.js'
import type { RecordLine } from './record-line.js'
import { customerOf, type PlacedRecord, type RecordRun } from './record-run.js'

export interface RecordOutcome {
  readonly outcome: string
  readonly stage: string | null
  readonly field: string | null
  readonly reason: string
  /** How the reject or the late record has its bytes and headers; null where there is neither. */
  readonly kept: 'as it came' | 'as a pointer' | 'changed' | null
  /** Whether the customer has a feature row. */
  readonly hasRow: boolean
  readonly values: Readonly<Record<string, unknown>>
}

type Place = RecordRun['places'][number]

export function outcomeOf(run: RecordRun, line: RecordLine, index: number): RecordOutcome {
  const place = run.places[index]
  const input = run.input.find(({ partition, offset }) => samePlace(place, partition, offset))!
  const reject = run.rejects.find((record) => namesPlace(record, place))
  const late = run.late.find((record) => namesPlace(record, place))
  const row = run.features.get(customerOf(line, index)) ?? null
  const headers = headersOf(reject?.headers)
  return {
    outcome: headers['tidemark.errors.code'] ?? (late === undefined ? 'neither' : 'late'),
    stage: headers['tidemark.errors.stage'] ?? null,
    field: headers['tidemark.errors.field'] ?? null,
    reason: headers['__streams.errors.message'] ?? '',
    kept: keptAs(reject ?? late ?? null, input),
    hasRow: row !== null,
    values: row?.values ?? {},
  }
}

/** What `outcomeOf` has to give, its reason and values apart. */
export function dueOf(line: RecordLine): Omit<RecordOutcome, 'reason' | 'values'> {
  const { outcome, stage = null, field = null, pointer = false } = line
  const isKept = isCode(outcome) || outcome === 'late'
  const accepts = outcome === 'accepted' || line.before !== undefined
  return {
    outcome: isKept ? outcome : 'neither',
    stage,
    field,
    kept: isKept ? (pointer ? 'as a pointer' : 'as it came') : null,
    hasRow: accepts && outcome !== 'erasure',
  }
}

/** Whether an outcome is a reject code. */
export const isCode = (outcome: string): boolean => outcome === outcome.toUpperCase()

/** Everything of a reject or late record that must not depend on when its commit closed. */
export function decided({ headers, value }: Pick<PlacedRecord, 'headers' | 'value'>) {
  const { 'tidemark.errors.first_seen': _, ...others } = headersOf(headers)
  return { headers: others, value: value?.toString('hex') }
}

function keptAs(kept: PlacedRecord | null, input: PlacedRecord): RecordOutcome['kept'] {
  if (kept === null) return null
  const headers = headersOf(kept.headers)
  if (kept.timestamp !== input.timestamp) return 'changed'
  if (kept.value === null && 'tidemark.errors.pointer' in headers) return 'as a pointer'
  const same =
    hex(kept.key) === hex(input.key) &&
    hex(kept.value) === hex(input.value) &&
    (input.headers ?? []).every(([name, value]) => headers[name] === value.toString())
  return same ? 'as it came' : 'changed'
}

const hex = (bytes: Buffer | null): string | null => bytes && bytes.toString('hex')

function namesPlace({ headers }: PlacedRecord, place: Place): boolean {
  const texts = headersOf(headers)
  const partition = Number(texts['__streams.errors.partition'])
  return samePlace(place, partition, Number(texts['__streams.errors.offset']))
}

const samePlace = (place: Place, partition: number, offset: number): boolean =>
  place.partition === partition && place.offset === offset

function headersOf(headers: Headers | null | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries((headers ?? []).map(([name, value]) => [name, value.toString()]))
}
