/**
 * One member of a group: the partitions that the group has given it, running in this process.
 *
 * Owns the order of giving up: a partition's last commit is delivered before the group hears that it
 * is free, and before this member leaves; its store is closed behind that, while the next owner opens
 * his own. What the tasks do is the same as everywhere.
 *
 * B1 A partition is opened, and opened again after a failure, only after the group has confirmed the
 *    membership since: who was fenced because he has lost a partition does not take it back.
 * B2 What the group says and another generation that begins wait for each other: no partition is
 *    started or stopped by both.
 */
import { aborted } from '../aborted.js'
import type { Group, GroupMember } from '../log/membership.js'
import type { RunningEngine } from './engine.js'
import type { TopologyParts } from './parts.js'
import { PartitionTasks } from './partition-tasks.js'
import { copyAhead, Standbys } from './standby.js'
import type { EngineIdentity, EngineStatus } from './status.js'

export interface MemberOptions {
  readonly group: Group
  readonly stores: HeldStores
  /** How often the group is told how far the input is committed, in ms. @default 5_000 */
  readonly tellEveryMs?: number
}

/** How far the stores of a generation on this disk have come: by partition, the last commit. */
export type HeldStores = ReadonlyMap<number, number>

export interface RunningMember<S> extends Pick<RunningEngine, 'status' | 'stop' | 'done'> {
  /**
   * Lets another generation run in place of the one that does, each partition at a commit border; the
   * membership goes on. Resolves when its tasks have been started; with false where a stop came first.
   *
   * @throws what ended the tasks before
   */
  switchTo(parts: TopologyParts<S>, stores: HeldStores): Promise<boolean>
}

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
): RunningMember<S> {
  const stopping = new AbortController()
  const member = new Member(parts, stores, group, stopping)
  const telling = setInterval(() => void group.committed(member.committed()), tellEveryMs).unref()
  const membership = group.run(member).catch((error: unknown) => member.fail(error))
  const end = async (): Promise<void> => {
    // The group's other members wait for nothing meanwhile: this one beats until it has finished.
    await member.freeAll()
    clearInterval(telling)
    await group.committed(member.committed())
    await group.leave()
    await Promise.all([membership, member.closeAll()])
    member.assertSound()
  }
  const done = aborted(stopping.signal).then(end)
  done.catch(() => undefined)
  return {
    done,
    stop: async () => {
      stopping.abort()
      await done
    },
    status: () => member.status(identity),
    switchTo: (next, held) => member.switchTo(next, held),
  }
}

class Member<S> implements GroupMember {
  private tasks: PartitionTasks<S>
  private standbys: Standbys<S>
  /** By partition, the last commit that its store here holds. */
  private readonly held: Map<number, number>
  /** Whether the group has said what is this member's: before, running nothing is no readiness. */
  private isAssigned = false
  /** One change of what runs at a time (B2). */
  private turn: Promise<unknown> = Promise.resolve()

  constructor(
    private parts: TopologyParts<S>,
    stores: HeldStores,
    private readonly group: Group,
    private readonly stopping: AbortController,
  ) {
    this.held = new Map(stores)
    this.tasks = this.tasksOf(parts)
    this.standbys = this.standbysOf(parts)
  }

  async holdings() {
    this.tasks.noteCommits(this.held)
    return { owned: this.tasks.partitions, stores: this.held }
  }

  assigned(partitions: readonly number[], copies: readonly number[]): Promise<void> {
    return this.inTurn(async () => {
      this.parts.note(`partitions of this member: ${partitions.join(', ') || 'none'}`)
      for (const partition of this.standbys.partitions) {
        if (!copies.includes(partition)) await this.standbys.stop(partition)
      }
      for (const partition of partitions) this.tasks.start(partition)
      await this.giveUp(this.tasks.partitions.filter((one) => !partitions.includes(one)))
      this.isAssigned = true
      if (this.stopping.signal.aborted) return
      for (const copy of copies) this.standbys.start(copy, this.tasks.closed(copy))
    })
  }

  lost(why: string): Promise<void> {
    return this.inTurn(async () => {
      this.parts.note(`${why}; all partitions are given up`)
      this.isAssigned = false
      await this.giveUp(this.tasks.partitions)
    })
  }

  async switchTo(parts: TopologyParts<S>, stores: HeldStores): Promise<boolean> {
    for (const partition of this.tasks.partitions) await this.copyAhead(parts, partition)
    return this.inTurn(async () => {
      const { tasks, standbys } = this
      const copies = standbys.partitions
      if (this.stopping.signal.aborted) return false
      await Promise.all([tasks.stopAll(), standbys.stopAll()])
      tasks.assertSound()
      if (this.stopping.signal.aborted) return false
      this.parts = parts
      this.tasks = this.tasksOf(parts)
      this.standbys = this.standbysOf(parts)
      this.held.clear()
      for (const [partition, commit] of stores) this.held.set(partition, commit)
      tasks.partitions.forEach((partition) => this.tasks.start(partition))
      copies.forEach((partition) => this.standbys.start(partition))
      return true
    })
  }

  /** While the tasks go on. What it does not come to is left to who opens the partition. */
  private async copyAhead(parts: TopologyParts<S>, partition: number): Promise<void> {
    try {
      await copyAhead(parts, partition, this.stopping.signal)
    } catch (error) {
      if (this.stopping.signal.aborted) return
      const text = error instanceof Error ? error.message : String(error)
      parts.note(`the state of partition ${partition} was not copied ahead: ${text}`)
    }
  }

  committed(): Map<number, number> {
    return this.tasks.committed()
  }

  fail(error: unknown): void {
    this.tasks.fail(error)
  }

  freeAll(): Promise<void> {
    return this.inTurn(() => this.tasks.freeAll())
  }

  closeAll(): Promise<void> {
    return this.inTurn(async () => {
      await this.tasks.stopAll()
      await this.standbys.stopAll()
    })
  }

  assertSound(): void {
    this.tasks.assertSound()
  }

  status(identity: EngineIdentity): EngineStatus {
    const status = this.tasks.status(identity)
    return this.isAssigned || status.state !== 'running' ? status : { ...status, state: 'starting' }
  }

  private tasksOf(parts: TopologyParts<S>): PartitionTasks<S> {
    return new PartitionTasks(parts, {
      idle: () => undefined,
      failed: () => this.stopping.abort(),
      claim: (_, stop) => confirmed(this.group, stop),
    })
  }

  private standbysOf(parts: TopologyParts<S>): Standbys<S> {
    return new Standbys(parts, {
      reached: (partition, commit) => void this.held.set(partition, commit),
    })
  }

  private async giveUp(partitions: readonly number[]): Promise<void> {
    this.tasks.noteCommits(this.held)
    await Promise.all(partitions.map((partition) => this.tasks.stop(partition)))
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work)
    this.turn = done.catch(() => undefined)
    return done
  }
}

/** Keeps B1. */
async function confirmed(group: Group, stop: AbortSignal): Promise<boolean> {
  if (stop.aborted) return false
  const isMember = await Promise.race([group.confirm(), aborted(stop).then(() => false)])
  return isMember && !stop.aborted
}
