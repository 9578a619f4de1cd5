/**
 * `kill -9` at every failpoint of an engine with tiny bounds, and at random times: afterwards all is
 * as in a run that nobody killed, and everything emitted derives again (C7).
 */
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { DataFacts } from '../support/kill/data-facts.js'
import { engineChains } from '../support/kill/kills.js'
import { type Arena, finish, killRound, smallArena } from '../support/kill/round.js'
import { seededRandom } from '../support/random.js'
import { sharedFolder } from '../support/temp-folder.js'

const folder = sharedFolder()
let arena: Arena
let due: DataFacts

beforeAll(async () => {
  arena = await smallArena(folder, 1, 40, 2)
  const directory = join(folder, 'undisturbed')
  await arena.prepare(directory)
  due = await finish(arena, directory)
}, 600_000)

test('an engine that nobody kills is without fault', async () => {
  expect([...due.faults, ...due.aside]).toEqual([])
  expect(await arena.verify(join(folder, 'undisturbed'))).toEqual([])
  // Enough for the kills to strike in the middle.
  expect(due.commits).toBeGreaterThan(15)
})

test.each(engineChains.map(({ name, kills }) => [name, kills] as const))(
  'an engine killed %s loses and doubles nothing',
  async (_, kills) => {
    expect(await killRound(arena, join(folder, 'killed'), kills, due)).toEqual([])
  },
  600_000,
)

test.each([1, 2, 3, 4, 5])(
  'an engine killed at random loses and doubles nothing (seed %i)',
  async (seed) => {
    const random = seededRandom(seed)
    const kills = [1, 2].map(() => ({ afterMs: 250 + random.below(700) }))
    const faults = await killRound(arena, join(folder, 'killed'), kills, due)
    expect(faults, `kills: ${JSON.stringify(kills)}`).toEqual([])
  },
  600_000,
)
