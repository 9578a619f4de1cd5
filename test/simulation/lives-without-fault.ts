import { expect, test } from 'vitest'
import { againOf, kindOf, Lives } from './lives.js'

const portions = 8

/** Tests that the lives of so many seeds have no fault. */
export function livesWithoutFault({ from, seeds }: { from: number; seeds: number }): void {
  test.each(Array.from({ length: portions }, (_, portion) => portion))(
    'a life has no fault, whatever happens in it (portion %i of the seeds)',
    async (portion) => {
      const lives = new Lives()
      let commits = 0
      for (let seed = from + portion; seed < from + seeds; seed += portions) {
        const life = await lives.of(seed)
        commits += life.commits
        const { app, danger } = kindOf(seed)
        expect(life.faults, `${app}, ${danger}; again: ${againOf(seed)}`).toEqual([])
      }
      // Lives without commits would prove nothing.
      expect(commits).toBeGreaterThan(seeds / portions)
    },
    240_000,
  )
}
