/**
 * The storm: workers that each die at the next card of a shuffled deck, as fast as they come up, until
 * every kill point has had its deaths; then everything heals and is judged.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../random.js'
import { Arena, type ArenaOptions } from './arena.js'
import { judge, type Verdict } from './judge.js'
import { type Card, deckOf } from './kill-points.js'
import type { Worker } from './worker.js'

export interface StormOptions extends ArenaOptions {
  /** Deaths at each kill point. */
  readonly times: number
}

export interface Storm extends Verdict {
  /** Deaths by kill point. */
  readonly kills: ReadonlyMap<string, number>
  /** Processes that came past their point, and were killed anyhow. */
  readonly unreached: number
  readonly stormMs: number
}

/** After which a point that was not reached is given back to the deck. */
const patienceMs = 40_000

export async function storm(options: StormOptions): Promise<Storm> {
  const deck = deckOf(seededRandom(options.seed), options.times)
  const arena = await Arena.open(options)
  const running = new Deaths(arena, deck, options.times * 16 * 3)
  const startedMs = performance.now()
  try {
    const slots = Array.from({ length: arena.options.slots }, (_, slot) => running.slot(slot))
    await Promise.all(slots)
    const stormMs = performance.now() - startedMs
    const { kills, unreached, faults } = running
    const verdict = await judge(arena)
    return { ...verdict, faults: [...faults, ...verdict.faults], kills, unreached, stormMs }
  } finally {
    await arena.close()
  }
}

class Deaths {
  readonly kills = new Map<string, number>()
  readonly faults: string[] = []
  unreached = 0

  constructor(
    private readonly arena: Arena,
    private readonly deck: Card[],
    private readonly unreachedMax: number,
  ) {}

  /** Lets one slot's processes die until the deck is empty, then leaves one that lives. */
  async slot(slot: number): Promise<void> {
    for (let card = this.deck.pop(); card !== undefined; card = this.deck.pop()) {
      if (card.isWiped) await this.arena.wipe(slot)
      const worker = await this.arena.start(slot, card.failpoint)
      await this.die(worker, card)
      if (card.isLate) await sleep(this.arena.options.sessionMs * 1.5)
    }
    await this.arena.start(slot)
  }

  private async die(worker: Worker, card: Card): Promise<void> {
    const { point } = card
    if (point.isDrain === true) void this.terminate(worker, card)
    const end = await Promise.race([worker.ended, sleep(patienceMs, null, { ref: false })])
    if (end?.signal === 'SIGKILL') {
      this.kills.set(point.id, (this.kills.get(point.id) ?? 0) + 1)
      return
    }
    if (end !== null && end.exit !== 0) {
      const how = `${card.failpoint}: ended with ${end.exit ?? end.signal}`
      this.faults.push(`${how} instead: ${worker.notes.slice(-2_000)}`)
      return
    }
    // A drain without a partition passes no point, and nor does who gets none.
    await worker.end()
    this.unreached++
    if (this.unreached > this.unreachedMax) this.faults.push(`${point.id} is never reached`)
    else this.deck.unshift(easier(card))
  }

  private async terminate(worker: Worker, card: Card): Promise<void> {
    const until = performance.now() + patienceMs
    while (worker.isRunning && worker.partitions.length === 0 && performance.now() < until) {
      await sleep(50)
    }
    await sleep(card.termAfterMs)
    if (worker.isRunning) worker.signal('SIGTERM')
  }
}

/**
 * The same point where it is met first, a while later: the last process that dies is given few
 * partitions, and may never come to a point twice.
 */
function easier(card: Card): Card {
  const failpoint = card.failpoint.replace(/\d+$/, '1')
  return { ...card, failpoint, termAfterMs: card.termAfterMs + 1_000 }
}
