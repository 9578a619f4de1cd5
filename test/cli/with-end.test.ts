import { expect, test } from 'vitest'
import { closeAll, withEnd } from '../../src/cli/with-end.js'

const failing = (text: string) => async (): Promise<never> => {
  throw new Error(text)
}
const nothing = async (): Promise<void> => {}

test('an end runs after work that succeeded and after work that failed', async () => {
  const ends: string[] = []
  const end = async (): Promise<void> => void ends.push('end')
  expect(await withEnd(async () => 7, end)).toBe(7)
  await expect(withEnd(failing('work'), end)).rejects.toThrow('work')
  expect(ends).toEqual(['end', 'end'])
})

test('what failed first is told', async () => {
  await expect(withEnd(failing('work'), failing('end'))).rejects.toThrow('work')
  await expect(withEnd(nothing, failing('end'))).rejects.toThrow('end')
})

test('all is closed, the last opened first, whatever fails on the way', async () => {
  const closed: string[] = []
  const closing = ['lock', 'log', 'store'].map((name) => async () => {
    closed.push(name)
    if (name !== 'lock') throw new Error(name)
  })
  await expect(closeAll(closing)).rejects.toThrow('store')
  expect(closed).toEqual(['store', 'log', 'lock'])
  await closeAll(closing)
  expect(closed).toHaveLength(3)
})
