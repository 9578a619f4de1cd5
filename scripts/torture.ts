/**
 * Kills processes at random, round after round, and holds what is left against a run that nobody
 * killed: `npm run torture -- [--rounds 200] [--seed S] [--round N] [--jobs 2]`.
 *
 * Each fault is told with the command that plays its round again. Exit 1 where there was one.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { DataFacts } from '../test/support/kill/data-facts.js'
import { randomKills } from '../test/support/kill/random-kills.js'
import {
  type Arena,
  commandArena,
  finish,
  killRound,
  smallArena,
} from '../test/support/kill/round.js'
import { seededRandom } from '../test/support/random.js'

interface Place {
  readonly arena: Arena
  readonly due: DataFacts
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    round: { type: 'string' },
    jobs: { type: 'string', default: '2' },
  },
})
const seed = naturalNumber('seed', values.seed)
const only = values.round === undefined ? null : naturalNumber('round', values.round)
const rounds = only === null ? naturalNumber('rounds', values.rounds) : 1
const jobs = naturalNumber('jobs', values.jobs)
const tellEveryMs = 10_000

const say = (text: string): void => void process.stdout.write(`${text}\n`)

function naturalNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  process.stderr.write(`--${name} must be a natural number, not ${JSON.stringify(text)}\n`)
  process.exit(2)
}

/** Where the rounds take place; nobody is killed while they are made. */
async function places(folder: string): Promise<Place[]> {
  const arenas = [
    await commandArena(folder, seed, 150),
    await smallArena(folder, seed, 40, 1),
    await smallArena(folder, seed, 40, 2),
    await smallArena(folder, seed, 60, 3),
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

/** One round in its own folder; tells of faults, and returns whether there were none. */
async function play(round: number, made: readonly Place[], folder: string): Promise<boolean> {
  const random = seededRandom(seed * 100_003 + round)
  // The command takes five times as long as the small engine, and so has fewer rounds.
  const { arena, due } = made[random.below(8) === 0 ? 0 : 1 + random.below(made.length - 1)]
  const kills = randomKills(random, arena)
  const directory = join(folder, `round-${round}`)
  const faults = await killRound(arena, directory, kills, due).catch((error: unknown) => [
    String(error),
  ])
  await rm(directory, { recursive: true, force: true })
  if (faults.length === 0) return true
  say(`round ${round} (${arena.name}), kills ${JSON.stringify(kills)}:`)
  for (const fault of faults) say(`  ${fault}`)
  say(`  again: npm run torture -- --seed ${seed} --round ${round}`)
  return false
}

const folder = await mkdtemp(join(tmpdir(), 'tidemark-torture-'))
let faulty = 0
try {
  say(`torture: ${rounds} rounds, seed ${seed}`)
  const made = await places(folder)
  const startedMs = performance.now()
  let [next, done, toldMs] = [only ?? 1, 0, startedMs]
  const last = next + rounds - 1
  const job = async (): Promise<void> => {
    while (next <= last) {
      if (!(await play(next++, made, folder))) faulty++
      done++
      const nowMs = performance.now()
      if (nowMs - toldMs < tellEveryMs && done < rounds) continue
      toldMs = nowMs
      const perSecond = done / ((nowMs - startedMs) / 1000)
      const leftSeconds = Math.ceil((rounds - done) / perSecond)
      const progress = `${done} of ${rounds} rounds, ${perSecond.toFixed(2)}/s, ${leftSeconds} s left`
      say(`torture: ${progress}, ${faulty} with faults`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, job))
} finally {
  await rm(folder, { recursive: true, force: true })
}
process.exitCode = faulty > 0 ? 1 : 0
