/** The keys that were used last are kept, whatever was deleted and taken again before. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecentSlots } from '../src/recent-slots.js'
import { holdsAlways } from './support/properties.js'

function slotOf(slots: RecentSlots<number>, key: number): number {
  const known = slots.find(key)
  if (known < 0) return slots.take(key)
  slots.use(known)
  return known
}

test('keeps and forgets as a list does, and no two keys share a slot', () => {
  const step = fc.record({ key: fc.nat(12), isDeleted: fc.boolean() })
  const steps = fc.array(step, { maxLength: 300 })
  holdsAlways(
    300,
    fc.property(fc.integer({ min: 1, max: 8 }), steps, (max, drawn) => {
      const slots = new RecentSlots<number>(max)
      let list: { key: number; slot: number }[] = []
      for (const { key, isDeleted } of drawn) {
        const held = list.find((one) => one.key === key)
        expect(slots.find(key)).toBe(held?.slot ?? -1)
        list = list.filter((one) => one !== held)
        const isNew = held === undefined && !isDeleted
        const oldest = isNew && list.length === max ? list[0] : undefined
        const slot = isDeleted ? slots.delete(key) : slotOf(slots, key)
        expect(slot).toBe((held ?? oldest)?.slot ?? slot)
        if (!isDeleted) list = [...list.filter((one) => one !== oldest), { key, slot }]
        expect(slots.size).toBe(list.length)
        for (let other = 0; other <= 12; other++) {
          expect(slots.find(other)).toBe(list.find((one) => one.key === other)?.slot ?? -1)
        }
        for (const { slot } of list) expect(slot).toBeLessThan(max)
        expect(new Set(list.map(({ slot }) => slot)).size).toBe(list.length)
      }
    }),
  )
})
