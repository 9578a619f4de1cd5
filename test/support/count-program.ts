/** A small program of its own for tests of the topology: counts and newest event by customer. */
import type { EventBody, EventCodec, EventRules } from '../../src/events/event.js'
import type { Verdict } from '../../src/features/engine.js'
import type { FeatureRows } from '../../src/features/rows.js'
import type { Program } from '../../src/operators/program.js'
import { cellOf } from '../../src/state/codec.js'

const day = 86_400_000

export interface CountState {
  ids: string[]
  count: number
  newest: number
  dirty: boolean
}

const head = cellOf(0, 0)

/** `count` of events and whole days since the newest, which steps by itself for `keepDays`. */
export function countProgram(keepDays = 30): Program<CountState> {
  return {
    columns: [
      { name: 'count', type: 'long' },
      { name: 'days', type: 'long' },
    ],
    codec: {
      create: () => ({ ids: [], count: 0, newest: 0, dirty: false }),
      roots: [head],
      further: () => [],
      decode: (cells) => ({
        ...JSON.parse(Buffer.from(cells.get(head)!).toString()),
        dirty: false,
      }),
      encode: (state, emit) => {
        if (!state.dirty) return
        state.dirty = false
        const { ids, count, newest } = state
        emit(head, Buffer.from(JSON.stringify({ ids, count, newest })))
      },
      weigh: (state) => 64 + state.ids.length * 32,
    },
    acceptedTypes: (state) => (state.count > 0 ? 1 : 0),
    lateBound: () => -Infinity,
    judge: (_clock, state, _type, body): Verdict => {
      if (state.ids.includes(body.event_id)) return 'duplicate'
      state.ids.push(body.event_id)
      state.dirty = true
      return 'accepted'
    },
    update: (state, _type, body) => {
      state.count++
      if (body.occurred_at > state.newest) state.newest = body.occurred_at
      state.dirty = true
    },
    read: (state, asOf, rows: FeatureRows, row) => {
      rows.numbers[row * 2] = state.count
      rows.numbers[row * 2 + 1] = Math.floor((asOf - state.newest) / day)
      rows.validUntil[row] = nextDay(state, asOf, keepDays)
      rows.retired[row] = asOf >= state.newest + keepDays * day
      rows.eligible[row] = true
    },
    nextChange: (state, asOf) => nextDay(state, asOf, keepDays),
  }
}

function nextDay(state: CountState, asOf: number, keepDays: number): number {
  if (state.count === 0) return Infinity
  const step = Math.max(1, Math.floor((asOf - state.newest) / day) + 1)
  return step > keepDays ? Infinity : state.newest + step * day
}

/** Events as JSON: bytes that are not are rejected. */
export const jsonCodec: EventCodec = {
  types: ['hit'],
  decode: (value) => {
    try {
      return { type: 0, body: JSON.parse(value.toString()) as EventBody, schemaId: 1 }
    } catch {
      return { code: 'DECODE_FAILED', reason: 'not JSON' }
    }
  },
  encode: (_type, body) => Buffer.from(JSON.stringify(body)),
  required: () => [],
}

export const noRules: EventRules = { check: () => null }
