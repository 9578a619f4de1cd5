/** Which life a seed stands for: any run of seeds has all apps and all dangers in it. */
import { churnApp, countApp } from './sim-app.js'
import { type Dangers, type Life, live } from './world.js'

const dangers = {
  none: { failure: 0, crash: 0, damage: 0 },
  failures: { failure: 0.04, crash: 0, damage: 0 },
  crashes: { failure: 0, crash: 0.03, damage: 0 },
  hard: { failure: 0.06, crash: 0.04, damage: 0.2 },
} satisfies Record<string, Dangers>

export interface LifeKind {
  readonly app: 'count' | 'churn'
  readonly danger: keyof typeof dangers
}

const shares: readonly [LifeKind['app'], LifeKind['danger'], number][] = [
  ['count', 'none', 10],
  ['churn', 'hard', 5],
  ['count', 'failures', 8],
  ['churn', 'failures', 3],
  ['count', 'crashes', 8],
  ['churn', 'crashes', 3],
  ['count', 'hard', 12],
  ['churn', 'none', 3],
]

/** 52 of them, mixed. */
const kinds: readonly LifeKind[] = shares
  .flatMap(([app, danger, share]) =>
    Array.from({ length: share }, (_, i) => ({ app, danger, place: (i + 0.5) / share })),
  )
  .sort((a, b) => a.place - b.place)

export function kindOf(seed: number): LifeKind {
  return kinds[seed % kinds.length]
}

const nothing = { starts: 0, crashes: 0, failures: 0, harms: 0, commits: 0, redundant: 0 }

interface LivedLife extends Life {
  readonly kind: LifeKind
}

/** Lives lives one after the other; what the apps need is made once. */
export class Lives {
  private readonly count = countApp()
  private readonly churn = churnApp()

  /** The life of a seed, with what was wrong in it. */
  async of(seed: number): Promise<LivedLife> {
    const kind = kindOf(seed)
    const danger = dangers[kind.danger]
    const lived =
      kind.app === 'count' ? live(this.count, seed, danger) : live(this.churn, seed, danger)
    // A life that cannot even be judged, as where a store is damaged that nobody harmed.
    const life = await lived.catch((error: unknown) => ({
      ...nothing,
      faults: [String((error as Error).stack)],
    }))
    const faults = [...life.faults]
    if (life.redundant > 0 && life.starts + life.failures === 1) {
      faults.push(`${life.redundant} timers are served twice without a restart`)
    }
    return { ...life, kind, faults }
  }
}

/** The command that lives it again. */
export const againOf = (seed: number): string =>
  `npm run torture -- --scenario simulation --seed ${seed} --seeds 1`
