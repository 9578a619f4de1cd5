import { expect, it } from 'vitest'
import { cellOf } from '../../src/state/codec.js'
import { parseStateKey, stateKey } from '../../src/state/state-key.js'

const customer = Buffer.from('ana 🙂')
const cells = [
  cellOf(0, 0),
  ...[1, 2, 255].flatMap((kind) => [0, 7, 464_861, 2 ** 32 - 1].map((i) => cellOf(kind, i))),
]

it('every cell of a customer has a key of its own, and the key names it', () => {
  const keys = cells.map((cell) => stateKey(customer, cell))
  expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(cells.length)
  for (const [i, key] of keys.entries()) {
    expect(parseStateKey(key)).toEqual({ customer: 'ana 🙂', cell: cells[i] })
  }
})

it('the cells of a customer are neighbours in the order of the keys', () => {
  const ids = ['a', 'ab', 'b', 'a\u0000'].map((id) => Buffer.from(id))
  const keys = ids
    .flatMap((id) => cells.map((cell) => stateKey(id, cell)))
    .sort((a, b) => a.compare(b))
  const customers = keys.map((key) => parseStateKey(key)!.customer)
  const changes = customers.filter((id, i) => i > 0 && id !== customers[i - 1])
  expect(changes).toHaveLength(ids.length - 1)
})
