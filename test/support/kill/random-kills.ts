/** Kills drawn from a seed, for rounds that nobody has thought of. */
import type { Random } from '../random.js'
import { embeddedKilledAt } from './kills.js'
import type { Arena, Kill } from './round.js'

const failpoints = [...embeddedKilledAt()].sort()

/** Up to four deaths in a row; now and then a store rots between two of them. */
export function randomKills(random: Random, { partitions, lastsMs }: Arena): Kill[] {
  const kills = Array.from({ length: 1 + random.below(4) }, () => randomKill(random, lastsMs))
  if (random.below(6) > 0) return kills
  // Only at its second opening does LevelDB have tables, see `Kill`.
  const drained = { at: `engine.in-drain:${partitions}` }
  const rots = random.below(3) === 0 ? 'snapshots/0' : `state/${random.below(partitions)}`
  return [...kills, drained, drained, { rots, ...randomKill(random, lastsMs) }]
}

function randomKill(random: Random, lastsMs: number): Kill {
  const failpoint = failpoints[random.below(failpoints.length)]
  const perhapsAt = `${failpoint}:${1 + random.below(random.below(3) === 0 ? 25 : 4)}`
  switch (random.below(6)) {
    case 0:
    case 1:
      return { afterMs: random.below(lastsMs) }
    case 2:
      return { termAfterMs: random.below(lastsMs / 2), perhapsAt }
    default:
      return { perhapsAt }
  }
}
