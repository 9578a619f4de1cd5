/** The entries that were set last are kept, whatever was deleted and set again before. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecentMap } from '../src/recent-map.js'
import { holdsAlways } from './support/properties.js'

test('keeps and forgets as a list does', () => {
  const step = fc.record({ key: fc.nat(12), isDeleted: fc.boolean() })
  const steps = fc.array(step, { maxLength: 300 })
  holdsAlways(
    300,
    fc.property(fc.integer({ min: 1, max: 8 }), steps, (max, drawn) => {
      const map = new RecentMap<number, number>(max)
      let list: [number, number][] = []
      drawn.forEach(({ key, isDeleted }, value) => {
        list = list.filter(([other]) => other !== key)
        if (!isDeleted) list.push([key, value])
        const due = list.length > max ? list.shift()! : null
        const forgotten = isDeleted ? map.delete(key) : map.set(key, value)
        expect(forgotten ?? null).toEqual(due)
        expect(map.size).toBe(list.length)
        for (let other = 0; other <= 12; other++) {
          const held = list.find(([listed]) => listed === other)?.[1]
          expect(map.get(other)).toBe(held)
          expect(map.has(other)).toBe(held !== undefined)
        }
      })
    }),
  )
})
