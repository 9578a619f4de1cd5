/**
 * One member of a group: the partitions that the group has given it, running in this process.
 *
 * Owns the order of giving up: a partition's last commit is delivered and its store closed before
 * the group hears that it is free, and before this member leaves. What the tasks do is the same as
 * everywhere.
 *
 * B1 A partition is opened, and opened again after a failure, only after the group has confirmed the
 *    membership since: who was fenced because he has lost a partition does not take it back.
 */
import type { Group, GroupMember } from '../log/membership.js'
import type { RunningEngine } from './engine.js'
import type { TopologyParts } from './parts.js'
import { PartitionTasks } from './partition-tasks.js'
import { Standbys } from './standby.js'
import type { EngineIdentity } from './status.js'

export interface MemberOptions {
  readonly group: Group
  /** By partition, the last commit that its store on this disk holds. */
  readonly stores: ReadonlyMap<number, number>
  /** How often the group is told how far the input is committed, in ms. @default 5_000 */
  readonly tellEveryMs?: number
}

export type RunningMember = Pick<RunningEngine, 'status' | 'stop' | 'done'>

/**
 * Joins the group and runs what it is given until `stop`, which hands all over in order.
 *
 * @example
 * const member = startMember(parts, { app: 'churn', synthetic: false }, { group, stores })
 * await member.stop()
 */
export function startMember<S>(
  parts: TopologyParts<S>,
  identity: EngineIdentity,
  { group, stores, tellEveryMs = 5_000 }: MemberOptions,
): RunningMember {
  const stopping = new AbortController()
  const own: Own = { held: new Map(stores), isAssigned: false, stop: stopping.signal }
  const tasks = new PartitionTasks(parts, {
    idle: () => undefined,
    failed: () => stopping.abort(),
    claim: (_, stop) => confirmed(group, stop),
  })
  const standbys = new Standbys(parts, {
    reached: (partition, commit) => void own.held.set(partition, commit),
  })
  const member = memberOf(parts, tasks, standbys, own)
  const telling = setInterval(() => void group.committed(tasks.committed()), tellEveryMs).unref()
  const membership = group.run(member).catch((error: unknown) => tasks.fail(error))
  const end = async (): Promise<void> => {
    // The group's other members wait for nothing meanwhile: this one beats until it has finished.
    await tasks.stopAll()
    await standbys.stopAll()
    clearInterval(telling)
    await group.committed(tasks.committed())
    await group.leave()
    await membership
    tasks.assertSound()
  }
  const done = aborted(stopping.signal).then(end)
  done.catch(() => undefined)
  return {
    done,
    stop: async () => {
      stopping.abort()
      await done
    },
    status: () => {
      const status = tasks.status(identity)
      return own.isAssigned || status.state !== 'running'
        ? status
        : { ...status, state: 'starting' }
    },
  }
}

/** What a member knows of itself. */
interface Own {
  /** By partition, the last commit that its store here holds. */
  readonly held: Map<number, number>
  /** Whether the group has said what is this member's: before, running nothing is no readiness. */
  isAssigned: boolean
  readonly stop: AbortSignal
}

function memberOf<S>(
  parts: TopologyParts<S>,
  tasks: PartitionTasks<S>,
  standbys: Standbys<S>,
  own: Own,
): GroupMember {
  const giveUp = async (partitions: readonly number[]): Promise<void> => {
    tasks.noteCommits(own.held)
    await Promise.all(
      partitions.map(async (partition) => {
        await tasks.stop(partition)
        parts.snapshots.release?.(partition)
      }),
    )
  }
  return {
    holdings: async () => {
      tasks.noteCommits(own.held)
      return { owned: tasks.partitions, stores: own.held }
    },
    assigned: async (partitions, copies) => {
      parts.note(`partitions of this member: ${partitions.join(', ') || 'none'}`)
      for (const partition of standbys.partitions) {
        if (!copies.includes(partition)) await standbys.stop(partition)
      }
      for (const partition of partitions) tasks.start(partition)
      await giveUp(tasks.partitions.filter((partition) => !partitions.includes(partition)))
      own.isAssigned = true
      if (!own.stop.aborted) for (const partition of copies) standbys.start(partition)
    },
    lost: async (why) => {
      parts.note(`${why}; all partitions are given up`)
      own.isAssigned = false
      await giveUp(tasks.partitions)
    },
  }
}

/** Keeps B1. */
async function confirmed(group: Group, stop: AbortSignal): Promise<boolean> {
  if (stop.aborted) return false
  const isMember = await Promise.race([group.confirm(), aborted(stop).then(() => false)])
  return isMember && !stop.aborted
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
