/**
 * W1's job: day tiles of 90 days a customer, written by hand on the product's operators, log,
 * state and commit. It declares no features and has no timers, so that any engine can do the same.
 */
import type { EventBody, EventCodec } from '../../src/events/event.js'
import type { FeatureRows } from '../../src/features/rows.js'
import type { Program } from '../../src/operators/program.js'
import type { BundleInfo, ScoredRows, Scoring } from '../../src/scoring/scorer.js'
import { cellOf } from '../../src/state/codec.js'
import { w1Schema, w1Types } from './w1.js'

const day = 86_400_000
/** day, sessions, session seconds, content, support, failed payments, amount, plan changes */
const stride = 8
const head = cellOf(0, 0)

export interface W1State {
  rows: number[]
  lastSession: number
  lastPayment: number
  newest: number
  plan: string
  dirty: boolean
}

export const w1Codec: EventCodec = {
  types: w1Types,
  decode: (value) => {
    const { value: body } = w1Schema.decode(value, 5) as { value: EventBody }
    return { type: w1Types.indexOf(body['type'] as never), body, schemaId: 1 }
  },
  encode: () => {
    throw new Error('W1 is only read')
  },
  required: () => [],
}

export const w1Program: Program<W1State> = {
  columns: Array.from({ length: 12 }, (_, i) => ({ name: `f${i}`, type: 'double' as const })),
  codec: {
    create: () => ({
      rows: [],
      lastSession: 0,
      lastPayment: 0,
      newest: 0,
      plan: '',
      dirty: false,
    }),
    roots: [head],
    further: () => [],
    decode: (cells) => decodeState(cells.get(head)!),
    encode: (state, emit) => {
      if (!state.dirty) return
      state.dirty = false
      emit(head, encodeState(state))
    },
    weigh: (state) => 160 + state.rows.length * 8,
  },
  acceptedTypes: () => 0,
  lateBound: () => -Infinity,
  judge: () => 'accepted',
  update,
  read,
  nextChange: () => Infinity,
}

function update(
  state: W1State,
  type: number,
  body: EventBody,
  _offset: number,
  keepFrom: number,
): void {
  const at = body.occurred_at
  const today = Math.floor(at / day)
  const { rows } = state
  // Tiles of the 90 days up to the day of the newest event in the partition.
  const oldest = Math.floor((keepFrom - 1) / day) - 89
  let drop = 0
  while (drop < rows.length && rows[drop] < oldest) drop += stride
  if (drop > 0) rows.splice(0, drop)
  let row = rows.length - stride
  while (row >= 0 && rows[row] > today) row -= stride
  if (row < 0 || rows[row] !== today) {
    row += stride
    rows.splice(row, 0, today, 0, 0, 0, 0, 0, 0, 0)
  }
  switch (type) {
    case 0:
      rows[row + 1]++
      rows[row + 2] += body['duration_s'] as number
      if (at > state.lastSession) state.lastSession = at
      break
    case 1:
      rows[row + 3]++
      break
    case 2:
      if (body['ok'] === true) rows[row + 6] += body['amount'] as number
      else rows[row + 5]++
      if (at > state.lastPayment) state.lastPayment = at
      break
    case 3:
      rows[row + 4]++
      break
    default:
      rows[row + 7]++
  }
  if (at >= state.newest) {
    state.newest = at
    state.plan = body['plan'] as string
  }
  state.dirty = true
}

function read(state: W1State, _asOf: number, out: FeatureRows, row: number): void {
  const { rows, newest } = state
  const today = Math.floor(newest / day)
  const f = new Float64Array(out.numbers.buffer, row * 12 * 8, 12)
  f.fill(0)
  for (let i = 0; i < rows.length; i += stride) {
    const age = today - rows[i]
    if (age >= 90) continue
    f[2] += rows[i + 1]
    f[5] += rows[i + 4]
    f[6] += rows[i + 5]
    f[8] += rows[i + 7]
    if (age >= 30) continue
    f[1] += rows[i + 1]
    f[3] += rows[i + 2]
    f[4] += rows[i + 3]
    f[7] += rows[i + 6]
    if (age < 7) f[0] += rows[i + 1]
  }
  f[3] = f[1] === 0 ? 0 : f[3] / f[1]
  f[9] = state.lastSession === 0 ? 999 : (newest - state.lastSession) / day
  f[10] = state.lastPayment === 0 ? 999 : (newest - state.lastPayment) / day
  f[11] = f[1] === 0 ? 0 : f[0] / 7 / (f[1] / 30)
  out.validUntil[row] = Infinity
  out.retired[row] = false
  out.eligible[row] = true
}

const weights = [-0.05, -0.02, -0.004, -0.0005, -0.03, 0.25, 0.6, -0.002, 0.1, 0.08, 0.01, -0.3]

/** The score of a row in double precision; the digest sums these. */
export function w1Score(rows: FeatureRows, row: number): number {
  let z = -1.2
  for (let i = 0; i < 12; i++) z += weights[i] * rows.numbers[row * 12 + i]
  return 1 / (1 + Math.exp(-z))
}

const bundle: BundleInfo = {
  name: 'w1',
  version: '1',
  hash: '00'.repeat(32),
  threshold: 0.5,
  appHash: '00'.repeat(32),
  synthetic: true,
}

export const w1Scoring: Scoring = {
  inForce: bundle,
  score: async (rows): Promise<ScoredRows> => {
    const probability = new Float32Array(rows.length)
    for (let row = 0; row < rows.length; row++) probability[row] = w1Score(rows, row)
    return { probability, servedBy: new Uint8Array(rows.length), bundles: [bundle], degraded: null }
  },
}

const scratch = Buffer.allocUnsafe(1 << 16)
const view = new DataView(scratch.buffer, scratch.byteOffset, scratch.length)

/** The bytes hold until the next call. */
function encodeState({ lastSession, lastPayment, newest, plan, rows }: W1State): Buffer {
  view.setFloat64(0, lastSession, true)
  view.setFloat64(8, lastPayment, true)
  view.setFloat64(16, newest, true)
  scratch[24] = plan.length
  let at = 25 + scratch.write(plan, 25, 'latin1')
  for (let i = 0; i < rows.length; i += stride) {
    view.setUint16(at, rows[i], true)
    view.setUint16(at + 2, rows[i + 1], true)
    view.setFloat64(at + 4, rows[i + 2], true)
    view.setUint16(at + 12, rows[i + 3], true)
    scratch[at + 14] = rows[i + 4]
    scratch[at + 15] = rows[i + 5]
    view.setFloat64(at + 16, rows[i + 6], true)
    scratch[at + 24] = rows[i + 7]
    at += 25
  }
  return scratch.subarray(0, at)
}

function decodeState(bytes: Uint8Array): W1State {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const planEnd = 25 + b[24]
  const rows: number[] = []
  for (let at = planEnd; at < b.length; at += 25) {
    rows.push(b.readUInt16LE(at), b.readUInt16LE(at + 2), b.readDoubleLE(at + 4))
    rows.push(b.readUInt16LE(at + 12), b[at + 14], b[at + 15], b.readDoubleLE(at + 16), b[at + 24])
  }
  return {
    rows,
    lastSession: b.readDoubleLE(0),
    lastPayment: b.readDoubleLE(8),
    newest: b.readDoubleLE(16),
    plan: b.toString('latin1', 25, planEnd),
    dirty: false,
  }
}
