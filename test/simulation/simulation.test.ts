/**
 * Two thousand lives of an engine over memory adapters: wherever batches, commits and flushes close
 * (P1), whatever fails, crashes, stops or is damaged on the way (P2), every row re-derives, none is
 * missing, and state and snapshots are those of the input.
 *
 * `npm run torture -- --scenario simulation --seeds 50000` lives more of them, and one again.
 */
import { expect, test } from 'vitest'
import { againOf, kindOf, Lives } from './lives.js'

const seeds = 2_000
const portions = 8

test.each(Array.from({ length: portions }, (_, portion) => portion))(
  'a life has no fault, whatever happens in it (portion %i of the seeds)',
  async (portion) => {
    const lives = new Lives()
    let commits = 0
    for (let seed = 1 + portion; seed <= seeds; seed += portions) {
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
