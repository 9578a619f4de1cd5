import { describe, expect, test } from 'vitest'
import { shareCopies, shareOut, type Sharer } from '../../src/log/share-out.js'

function sharer(id: string, owned: number[] = [], rest: Partial<Sharer> = {}): Sharer {
  return { id, owned, stores: new Map(), generation: 1, ...rest }
}

const shares = (count: number, ...members: Sharer[]) => Object.fromEntries(shareOut(count, members))

describe('partitions are shared out', () => {
  test('evenly, one more for the first where it does not come out even', () => {
    expect(shares(5, sharer('a'), sharer('b'))).toEqual({ a: [0, 2, 4], b: [1, 3] })
    expect(shares(1, sharer('a'), sharer('b'))).toEqual({ a: [0], b: [] })
  })

  test('to those who have them already', () => {
    expect(shares(4, sharer('a', [1, 3]), sharer('b', [0, 2]))).toEqual({ a: [1, 3], b: [0, 2] })
  })

  test('to nobody in the round in which they are to move', () => {
    const first = shareOut(4, [sharer('a', [0, 1, 2, 3]), sharer('b')])
    expect(Object.fromEntries(first)).toEqual({ a: [0, 1], b: [] })
    expect(shares(4, sharer('a', first.get('a')), sharer('b'))).toEqual({ a: [0, 1], b: [2, 3] })
  })

  test('to the member whose store is nearest to the end', () => {
    const near = {
      stores: new Map([
        [0, 90],
        [1, 80],
        [2, 10],
      ]),
    }
    const far = {
      stores: new Map([
        [0, 10],
        [1, 20],
        [2, 30],
        [3, 5],
      ]),
    }
    expect(shares(4, sharer('a', [], far), sharer('b', [], near))).toEqual({ a: [2, 3], b: [0, 1] })
  })

  test('to the later one of two that both claim to own one', () => {
    const stale = sharer('a', [0, 1], { generation: 3 })
    const owner = sharer('b', [0, 1], { generation: 4 })
    expect(shares(2, stale, owner)).toEqual({ a: [], b: [0] })
  })

  test('that do not exist to nobody', () => {
    expect(shares(1, sharer('a', [7]))).toEqual({ a: [0] })
  })
})

describe('copies are kept', () => {
  const copies = (members: Sharer[], count: number) =>
    Object.fromEntries(shareCopies(3, members, shareOut(3, members), count))

  test('by others than who runs the partition, evenly', () => {
    const members = [sharer('a', [0]), sharer('b', [1]), sharer('c', [2])]
    expect(copies(members, 1)).toEqual({ a: [1, 2], b: [0], c: [] })
    expect(copies(members, 5)).toEqual({ a: [1, 2], b: [0, 2], c: [0, 1] })
    expect(copies(members, 0)).toEqual({ a: [], b: [], c: [] })
  })

  test('first by those whose stores are nearest', () => {
    const stores = new Map([[0, 7]])
    const members = [sharer('a', [0]), sharer('b', [1]), sharer('c', [2], { stores })]
    expect(copies(members, 1)).toMatchObject({ c: [0] })
  })

  test('by nobody who has still to give the partition up', () => {
    const members = [sharer('a', [0, 1, 2]), sharer('b')]
    expect(shareOut(3, members).get('a')).toEqual([0, 1])
    expect(copies(members, 1)).toEqual({ a: [], b: [0, 1, 2] })
  })
})
