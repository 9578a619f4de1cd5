/**
 * Breaks everything that can be broken under a running Tidemark, and judges what is left:
 * `npm run torture -- [--scenario NAME] [--rounds N] [--seeds N] [--seed S] [--times N] [--rate N]
 * [--customers N] [--session-ms N]`.
 *
 * Without a scenario: N rounds of the storm, each other scenario once, then N seeds of the simulation.
 * Each fault is told with the command that plays its round again. Exit 1 where there was one.
 * docs/TORTURE.md says what is killed, and what is judged.
 */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { embedded } from '../test/support/torture/embedded.js'
import { play, type Scenario, scenarios } from '../test/support/torture/scenarios.js'
import { Servers } from '../test/support/torture/servers.js'
import { simulate } from '../test/support/torture/simulation.js'
import { storm } from '../test/support/torture/storm.js'
import { Tally } from '../test/support/torture/tally.js'

const names = ['storm', 'embedded', 'simulation', ...scenarios.map(({ name }) => name)]
const { values } = parseArgs({
  options: {
    scenario: { type: 'string' },
    rounds: { type: 'string' },
    seeds: { type: 'string', default: '50000' },
    seed: { type: 'string', default: '1' },
    times: { type: 'string', default: '4' },
    rate: { type: 'string' },
    customers: { type: 'string' },
    'session-ms': { type: 'string' },
    'pause-file': { type: 'string' },
  },
})
const only = values.scenario ?? null
if (only !== null && !names.includes(only)) refuse(`--scenario is one of ${names.join(', ')}`)
const seed = natural('seed', values.seed)
const times = natural('times', values.times)
const rounds = natural('rounds', values.rounds ?? (only === null || only === 'storm' ? '25' : '1'))
const jobs = availableParallelism()
/** What stands in for a scenario's own, by flag. */
const paceFlags = {
  rate: 'eventsPerSecond',
  customers: 'customers',
  'session-ms': 'sessionMs',
} as const
const given = (Object.keys(paceFlags) as (keyof typeof paceFlags)[]).flatMap((flag) => {
  const text = values[flag]
  return text === undefined ? [] : [{ flag, value: natural(flag, text) }]
})
const pace = Object.fromEntries(given.map(({ flag, value }) => [paceFlags[flag], value]))
const startedMs = performance.now()
let faulty = 0
// So that what was started ends with us.
process.once('SIGTERM', () => process.exit(143))
process.once('SIGINT', () => process.exit(130))

function refuse(text: string): never {
  process.stderr.write(`${text}\n`)
  process.exit(2)
}

function natural(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  return refuse(`--${name} must be a natural number, not ${JSON.stringify(text)}`)
}

function say(text: string): void {
  const seconds = Math.round((performance.now() - startedMs) / 1000)
  process.stdout.write(`${String(seconds).padStart(6)} s  ${text}\n`)
}

/** Tells of a round; what is wrong, with the command that plays it again. */
function tell(name: string, of: number, faults: readonly string[], summary: string): void {
  say(
    `${name}, seed ${of}: ${faults.length === 0 ? 'no fault' : `${faults.length} FAULTS`}${summary}`,
  )
  if (faults.length === 0) return
  faulty++
  for (const fault of faults.slice(0, 20)) say(`  ${fault}`)
  say(`  again: npm run torture -- --scenario ${name} --rounds 1 --seed ${of}${flagsOf(name)}`)
}

function flagsOf(name: string): string {
  const own = name === 'storm' && times !== 4 ? ` --times ${times}` : ''
  return own + given.map(({ flag, value }) => ` --${flag} ${value}`).join('')
}

/** Between two rounds, for as long as somebody asks for a quiet machine. */
async function pause(): Promise<void> {
  const asksForQuiet = () => existsSync(values['pause-file'] ?? '')
  while (asksForQuiet()) await sleep(5_000)
}

async function storms(): Promise<void> {
  const servers = await Servers.open()
  const tally = new Tally()
  try {
    for (let round = 0; round < rounds; round++) {
      await pause()
      const of = seed + round
      const options = {
        seed: of,
        servers,
        times,
        ...pace,
      }
      const end = await storm(options).catch((error: unknown) => String((error as Error).stack))
      if (typeof end === 'string') {
        tell('storm', of, [end], '')
        continue
      }
      tally.add(end)
      tell('storm', of, end.faults, tally.roundText(end))
    }
  } finally {
    await servers.stop()
  }
  for (const line of tally.lines()) say(line)
}

async function playAll(scenario: Scenario): Promise<void> {
  for (let round = 0; round < (only === null ? 1 : rounds); round++) {
    await pause()
    const of = seed + round
    try {
      const end = await play(scenario, { seed: of, say, pace })
      const tally = new Tally()
      tell(scenario.name, of, end.faults, tally.endText(end))
    } catch (error) {
      tell(scenario.name, of, [String((error as Error).stack)], '')
    }
  }
}

async function simulation(): Promise<void> {
  const seeds = natural('seeds', values.seeds)
  if (seeds === 0) return
  const end = await simulate(seed, seeds, jobs, say)
  faulty += end.faulty
  const { lives, commits, crashes, failures } = end
  const dangers = `${crashes} crashes, ${failures} failures`
  say(`simulation: ${lives} lives, ${commits} commits, ${dangers}: ${end.faulty} with faults`)
}

if (only === null || only === 'storm') await storms()
for (const scenario of scenarios) {
  if (only === null || only === scenario.name) await playAll(scenario)
}
if (only === null || only === 'embedded') {
  const embeddedRounds = only === null ? 50 : rounds
  const count = await embedded({ seed, rounds: embeddedRounds, jobs, say })
  say(`embedded: ${embeddedRounds} rounds, ${count} with faults`)
  faulty += count
}
if (only === null || only === 'simulation') await simulation()
say(faulty === 0 ? 'no fault' : `${faulty} with faults`)
process.exitCode = faulty > 0 ? 1 : 0
