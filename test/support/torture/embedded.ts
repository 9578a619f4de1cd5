/** Random kills of the embedded engine: rounds that are held against a run that nobody killed. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DataFacts } from '../kill/data-facts.js'
import { randomKills } from '../kill/random-kills.js'
import { type Arena, commandArena, finish, killRound, smallArena } from '../kill/round.js'
import { seededRandom } from '../random.js'

interface Place {
  readonly arena: Arena
  readonly due: DataFacts
}

export interface EmbeddedOptions {
  /** Of the first round; each further one has the next. */
  readonly seed: number
  readonly rounds: number
  readonly jobs: number
  readonly say: (text: string) => void
}

/** Of what the engines work on: the kills are drawn, not the input. */
const inputSeed = 1

/** Plays the rounds; returns how many had faults, each told with the command that plays it again. */
export async function embedded({ seed, rounds, jobs, say }: EmbeddedOptions): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-torture-'))
  try {
    const made = await places(folder)
    let [next, done, faulty] = [seed, 0, 0]
    const job = async (): Promise<void> => {
      while (next < seed + rounds) {
        const round = next++
        const faults = await play(round, made, folder)
        done++
        if (faults.length > 0) {
          faulty++
          for (const fault of faults) say(fault)
          say(`  again: npm run torture -- --scenario embedded --rounds 1 --seed ${round}`)
        }
        if (done % 20 === 0) say(`${done} of ${rounds} embedded rounds, ${faulty} with faults`)
      }
    }
    await Promise.all(Array.from({ length: jobs }, job))
    return faulty
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Where the rounds take place; nobody is killed while they are made. */
async function places(folder: string): Promise<Place[]> {
  const arenas = [
    await commandArena(folder, inputSeed, 150),
    await smallArena(folder, inputSeed, 40, 1),
    await smallArena(folder, inputSeed, 40, 2),
    await smallArena(folder, inputSeed, 60, 3),
  ]
  const made: Place[] = []
  for (const [i, arena] of arenas.entries()) {
    const directory = join(folder, `undisturbed-${i}`)
    await arena.prepare(directory)
    const due = await finish(arena, directory)
    const faults = [...due.faults, ...arena.faults(due), ...(await arena.verify(directory))]
    if (faults.length > 0) throw new Error(`${arena.name}, not killed: ${faults.join('; ')}`)
    made.push({ arena, due })
  }
  return made
}

/** One round in its own folder. */
async function play(round: number, made: readonly Place[], folder: string): Promise<string[]> {
  const random = seededRandom(round * 100_003)
  // The command takes five times as long as the small engine, and so has fewer rounds.
  const { arena, due } = made[random.below(8) === 0 ? 0 : 1 + random.below(made.length - 1)]
  const kills = randomKills(random, arena)
  const directory = join(folder, `round-${round}`)
  const faults = await killRound(arena, directory, kills, due).catch((error: unknown) => [
    String(error),
  ])
  await rm(directory, { recursive: true, force: true })
  if (faults.length === 0) return []
  return [`${arena.name}, kills ${JSON.stringify(kills)}:`, ...faults.map((fault) => `  ${fault}`)]
}
