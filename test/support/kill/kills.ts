/** Where processes are killed in `npm test`: each name of a failpoint in `src/` stands here. */
import { killPoints } from '../torture/kill-points.js'
import type { Kill } from './round.js'

/** Processes that die one after the other over one directory. */
export interface Chain {
  readonly name: string
  readonly kills: readonly Kill[]
}

const at = (...names: readonly string[]): Kill[] => names.map((name) => ({ at: name }))

/** Of `tidemark start`: each start must find what the one before it has left. */
export const commandChains: readonly Chain[] = [
  {
    name: 'in its ingest',
    kills: at(
      'ingest.before-commit:1',
      'ingest.after-commit:1',
      'ingest.before-commit:2',
      'ingest.after-commit:1',
    ),
  },
  {
    name: 'around the write of the log',
    // At most two batches are through before the last: of three of the load, whose first two have
    // rows, so that the engine has something left to write however slow the machine is.
    kills: at('log.after-batch:1', 'log.before-batch:1', 'log.in-sync:1', 'engine.after-log:1'),
  },
  {
    name: 'between the log and what follows it',
    kills: at(
      'engine.before-snapshots:1',
      'engine.in-restore:1',
      'engine.before-flush:1',
      'state.before-flush:1',
      'state.in-flush:1',
      'snapshots.before-write:1',
      'snapshots.in-write:1',
      'engine.in-drain:1',
    ),
  },
  {
    name: 'while it sets damaged stores aside and makes them again',
    kills: [
      ...at('engine.in-drain:1', 'engine.in-drain:1'),
      { rots: 'state/0', at: 'state.set-aside:2' },
      ...at('engine.after-set-aside:1', 'engine.in-restore:3', 'state.in-flush:1'),
      { rots: 'snapshots/0', at: 'snapshots.set-aside:2' },
    ],
  },
  {
    name: 'in the drain of a stop',
    kills: [
      { termAfterMs: 100, at: 'engine.in-drain:1' },
      // Nothing to write where a slow machine has not yet read its first row.
      { termAfterMs: 300, perhapsAt: 'snapshots.in-write:1' },
      { termAfterMs: 100 },
    ],
  },
]

/** Of an engine with tiny bounds, over a log of two partitions. */
export const engineChains: readonly Chain[] = [
  ...[
    ['log.before-batch:1', 'log.in-sync:1', 'log.after-batch:1', 'engine.after-log:1'],
    ['log.before-batch:9', 'log.in-sync:7', 'log.after-batch:8', 'engine.after-log:8'],
    ['log.in-sync:4', 'log.in-sync:1', 'log.in-sync:1', 'log.before-batch:1'],
    ['engine.after-fetch:5', 'engine.mid-batch:9', 'engine.mid-batch:1'],
    ['engine.before-snapshots:6', 'log.before-merge:1'],
    ['engine.before-snapshots:1', 'engine.before-flush:1', 'state.before-flush:2'],
    ['state.in-flush:1', 'state.in-flush:5', 'engine.before-flush:3', 'state.in-flush:1'],
    ['snapshots.in-write:4', 'snapshots.before-write:1', 'snapshots.in-write:1'],
    ['engine.before-snapshots:4', 'snapshots.in-write:1', 'snapshots.before-write:1'],
    ['engine.in-drain:1', 'engine.in-drain:2'],
    ['state.in-close:1', 'snapshots.in-close:1'],
    // Killed again in the restore, and again.
    ['engine.after-log:7', 'engine.in-restore:1'],
    ['engine.after-log:3', 'engine.in-restore:1', 'engine.in-restore:2', 'state.in-flush:1'],
  ].map((names) => ({ name: `at ${names.join(', then ')}`, kills: at(...names) })),
  {
    name: 'in each step of setting a store aside, and in the restore',
    kills: [
      ...at('engine.after-log:9', 'engine.in-drain:2'),
      { rots: 'state/0', at: 'state.set-aside:1' },
      ...at('state.set-aside:2', 'state.set-aside:3', 'engine.in-restore:9', 'state.in-flush:1'),
    ],
  },
  {
    name: 'behind a set-aside, in the restore, in its flush, and where the other store rots too',
    kills: [
      ...at('engine.after-log:9', 'engine.in-drain:2'),
      { rots: 'state/1', at: 'engine.after-set-aside:1' },
      ...at('engine.in-restore:3', 'state.in-flush:1', 'engine.in-drain:1', 'engine.in-drain:2'),
      { rots: 'state/0', at: 'engine.in-restore:12' },
    ],
  },
  {
    name: 'in each step of setting the snapshots aside',
    kills: [
      ...at('engine.after-log:9', 'engine.in-drain:2'),
      { rots: 'snapshots/0', at: 'snapshots.set-aside:1' },
      ...at('snapshots.set-aside:2', 'snapshots.set-aside:3', 'snapshots.in-write:1'),
    ],
  },
  ...[0, 100].map((termAfterMs) => ({
    name: `in the drain of a stop after ${termAfterMs} ms`,
    kills: [
      { termAfterMs, at: 'engine.in-drain:1' },
      { termAfterMs, perhapsAt: 'state.in-flush:2' },
      { termAfterMs },
    ],
  })),
]

/** Of members of a group, over a log on Kafka. */
export const workerKills = [
  'kafka.begun:4',
  'kafka.produced:5',
  'kafka.committed:5',
  'engine.after-log:6',
  'engine.before-snapshots:6',
  'engine.after-fence:1',
  'engine.in-restore:1',
  'engine.before-flush:1',
  'state.in-flush:2',
] as const

/** Of the process that archives the input. */
export const archiveKills = [
  'archive.in-begin:1',
  'archive.before-block:3',
  'archive.in-block:1',
  'archive.in-block:4',
  'archive.before-sync:2',
  'archive.after-sync:3',
  'archive.in-finish:1',
  'archive.finished:1',
  'archive.finished:2',
  'archive.between-tails:1',
  'archive.in-begin:2',
] as const

/** Of a process that owns a directory, and of one that reads through it. */
export const sharedKills = { owner: 'shared.before-answer', reader: 'shared.asked' } as const

/** Of an engine over Kafka whose rows are readable before their commit. */
export const earlyKills = ['engine.sent:4', 'kafka.produced:7', 'engine.after-log:1'] as const

/** Of a rebuild, and of the process in which a generation takes over. */
export const rebuildKills = [
  'engine.in-restore:3',
  'rebuild.asked:1',
  'engine.in-take-over:1',
  'engine.in-rescore:1',
] as const

/** The failpoints of the tables that an engine over the embedded log comes to. */
export function embeddedKilledAt(): Set<string> {
  const names = [...commandChains, ...engineChains].flatMap(({ kills }) =>
    kills.flatMap((kill) => (kill.at === undefined ? [] : [kill.at])),
  )
  return new Set(names.map((name) => name.replace(/:\d+$/, '')))
}

/** All failpoints of the tables, and of the torture over Kafka and Redis. */
export function killedAt(): Set<string> {
  const others = [
    ...workerKills,
    ...archiveKills,
    ...earlyKills,
    ...rebuildKills,
    ...Object.values(sharedKills),
  ]
  return new Set([
    ...embeddedKilledAt(),
    ...others.map((name) => name.replace(/:\d+$/, '')),
    ...killPoints.flatMap(({ at: names }) => names),
  ])
}
