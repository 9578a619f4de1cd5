/** Where a partition ends for who reads it. */
import { expect, test } from 'vitest'
import { Tail } from '../../src/log/tails.js'

test('the end never goes back, whichever of several writers is told first', () => {
  const tail = new Tail('events', 0)
  tail.advance(9)
  tail.advance(3)
  expect(tail.end).toBe(9)
})
