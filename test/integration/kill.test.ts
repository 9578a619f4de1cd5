/**
 * `kill -9` of `tidemark start` as everybody runs it, wherever a crash could cost or double
 * something: afterwards every row of the source is in the log once, all is as in a run that nobody
 * killed (C7), and `tidemark verify` finds nothing.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import type { DataFacts } from '../support/kill/data-facts.js'
import { commandChains, killedAt } from '../support/kill/kills.js'
import { type Arena, commandArena, finish, killRound } from '../support/kill/round.js'
import { seededRandom } from '../support/random.js'
import { sharedFolder } from '../support/temp-folder.js'

const folder = sharedFolder()
let arena: Arena
let due: DataFacts

beforeAll(async () => {
  arena = await commandArena(folder, 1, 200)
  due = await finish(arena, join(folder, 'undisturbed'))
}, 600_000)

/** The names that the sources give to their failpoints. */
async function failpointsInSource(): Promise<Set<string>> {
  const src = fileURLToPath(new URL('../../src/', import.meta.url))
  const names = new Set<string>()
  for (const file of await readdir(src, { recursive: true })) {
    if (!file.endsWith('.ts') || file === 'failpoint.ts') continue
    const text = await readFile(join(src, file), 'utf8')
    for (const [, given] of text.matchAll(/\bfailpoint(?:Soon)?\(([^)]+)\)/g)) {
      if (given === '`${this.kind}.set-aside`')
        names.add('state.set-aside').add('snapshots.set-aside')
      else if (given.startsWith("'")) names.add(given.slice(1, -1))
      else if (!/^this\.#owner\.points\.(before|inside|closing)$/.test(given)) names.add(given)
    }
    for (const [, name] of text.matchAll(/\b(?:before|inside|closing): '([a-z.-]+)'/g))
      names.add(name)
  }
  return names
}

test('every failpoint has its kill', async () => {
  expect([...killedAt()].sort()).toEqual([...(await failpointsInSource())].sort())
})

test('a start that nobody kills is without fault', async () => {
  expect([...due.faults, ...due.aside, ...arena.faults(due)]).toEqual([])
  expect(await arena.verify(join(folder, 'undisturbed'))).toEqual([])
})

test.each(commandChains.map(({ name, kills }) => [name, kills] as const))(
  'a start killed %s loses and doubles nothing',
  async (_, kills) => {
    expect(await killRound(arena, join(folder, 'killed'), kills, due)).toEqual([])
  },
  600_000,
)

test('a start killed five times at random loses and doubles nothing', async () => {
  const random = seededRandom(1)
  const kills = Array.from({ length: 5 }, () => ({ afterMs: 400 + random.below(2500) }))
  const faults = await killRound(arena, join(folder, 'killed'), kills, due)
  expect(faults, `kills: ${JSON.stringify(kills)}`).toEqual([])
}, 600_000)
