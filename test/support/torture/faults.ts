/** Faults beside the storm: each is done to an arena whose workers run, and ends healed. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../random.js'
import type { Arena } from './arena.js'
import { Ends } from './ends.js'
import type { ReplyProxy } from './reply-proxy.js'
import type { Worker } from './worker.js'

export interface Stage {
  readonly arena: Arena
  /** By slot, the process that runs there. */
  readonly workers: Worker[]
  readonly random: Random
  /** Measurements, in ms of wall time by what they are of. */
  readonly measured: Map<string, number[]>
  readonly faults: string[]
  /** Where workers reach the brokers through one. */
  readonly proxy: ReplyProxy | null
  readonly say: (text: string) => void
}

export type Fault = (stage: Stage) => Promise<void>

/** How long a process may take to come up and be given partitions; a busy machine takes long. */
const readyMsMax = 120_000

export async function startAll(stage: Stage): Promise<void> {
  const { arena, workers } = stage
  for (let slot = 0; slot < arena.options.slots; slot++) workers[slot] = await arena.start(slot)
  await flowing(stage)
}

/** Until every partition puts out rows again, after now. */
export async function flowing({ arena }: Stage, partitions = all(arena)): Promise<void> {
  const sinceMs = performance.now()
  while (partitions.some((partition) => arena.follower.lastMs(partition) <= sinceMs)) {
    if (performance.now() - sinceMs > readyMsMax) {
      const silent = partitions.filter((p) => arena.follower.lastMs(p) <= sinceMs)
      throw new Error(`no new output of partitions ${silent.join()} for ${readyMsMax / 1000} s`)
    }
    await sleep(50)
  }
}

const all = (arena: Arena): number[] =>
  Array.from({ length: arena.options.partitions }, (_, partition) => partition)

/** Until everything flows and nobody is about to come or go. */
export async function steady(stage: Stage): Promise<void> {
  await flowing(stage)
  // Rounds of the group that are under way come to an end.
  await sleep(stage.arena.options.sessionMs)
  await flowing(stage)
}

function measure({ measured }: Stage, name: string, ms: number): void {
  measured.set(name, [...(measured.get(name) ?? []), ms])
}

/** Kills a process that has partitions, keeps its disk and starts it again at once. */
export function kills(times: number): Fault {
  return async (stage) => {
    const { workers, random } = stage
    for (let i = 0; i < times; i++) {
      await steady(stage)
      await killOne(stage, random.below(workers.length), 'kill -9 to the next output')
    }
  }
}

/**
 * Measures when each of its partitions has an output that is none of the dead process: one behind all
 * that was in the topic when it was gone, for the follower may not have read all of that yet.
 */
async function killOne(stage: Stage, slot: number, name: string): Promise<void> {
  const { arena, workers } = stage
  const killed = workers[slot]
  const { partitions } = killed
  const { features } = arena.topics
  const ends = await Ends.open(arena.options.servers.brokers, [features])
  try {
    const successor = await arena.succeed(killed)
    workers[slot] = successor
    await killed.ended
    // Behind what its last transaction has written too, which may be committed yet.
    const from = await Promise.all(
      partitions.map((partition) => ends.of(features, partition, 'high-watermark')),
    )
    for (const [i, partition] of partitions.entries()) {
      const reachedMs = await firstFrom(stage, partition, from[i])
      measure(stage, name, reachedMs - successor.startedMs)
    }
  } finally {
    ends.close()
  }
}

/** When a reader had the first output of a partition from this offset on. */
async function firstFrom({ arena }: Stage, partition: number, offset: number): Promise<number> {
  const untilMs = performance.now() + readyMsMax
  for (;;) {
    const reachedMs = arena.follower.reachedMs(partition, offset)
    if (reachedMs !== null) return reachedMs
    if (performance.now() > untilMs) {
      throw new Error(`no output of partition ${partition} from ${offset} on in ${readyMsMax} ms`)
    }
    await sleep(20)
  }
}

/** Freezes a process in the middle of a commit for longer than its session, and thaws it. */
export function freezes(points: readonly string[]): Fault {
  return async (stage) => {
    const { arena, workers, random } = stage
    for (const point of points) {
      await steady(stage)
      const slot = random.below(workers.length)
      workers[slot].signal('SIGTERM')
      await workers[slot].ended
      workers[slot] = await arena.start(slot, `${point}:stop:${5 + random.below(20)}`)
      const frozen = workers[slot]
      const untilMs = performance.now() + readyMsMax
      while (!(await frozen.isFrozen())) {
        if (performance.now() > untilMs) throw new Error(`no worker came to ${point}`)
        await sleep(20)
      }
      await sleep(arena.options.sessionMs * 2.5)
      frozen.signal('SIGCONT')
      await flowing(stage)
    }
  }
}

/** Stops and starts one process after the other, with everything running. */
export function rollingRestarts(times: number): Fault {
  return async (stage) => {
    const { arena, workers } = stage
    for (let i = 0; i < times; i++) {
      const slot = i % workers.length
      await steady(stage)
      const beganMs = performance.now()
      const said = workers[slot].notes.length
      workers[slot].signal('SIGTERM')
      const { exit, signal } = await workers[slot].ended
      if (exit !== 0) stage.faults.push(`told to stop, a worker ended with ${exit ?? signal}`)
      if (workers[slot].notes.slice(said).includes('TRANSACTION_FENCED')) {
        stage.faults.push('a worker that was told to stop had a transaction aborted')
      }
      workers[slot] = await arena.start(slot)
      await steady(stage)
      for (const partition of all(arena)) {
        measure(stage, 'pause in a rolling restart', arena.follower.pauseMs(partition, beganMs))
      }
    }
  }
}

export function brokerKills(times: number): Fault {
  return async (stage) => {
    const broker = stage.arena.options.servers.broker!
    for (let i = 0; i < times; i++) {
      await steady(stage)
      broker.kill()
      await sleep(stage.random.below(4_000))
      await broker.restart()
      await flowing(stage)
    }
  }
}

export function brokerFreeze(ms: number): Fault {
  return async (stage) => {
    const broker = stage.arena.options.servers.broker!
    await steady(stage)
    broker.kill('SIGSTOP')
    await sleep(ms)
    broker.kill('SIGCONT')
    await flowing(stage)
  }
}

/** Redis is killed and comes back empty, is flushed, and is frozen; the processing goes on. */
export function redisLosses(times: number): Fault {
  return async (stage) => {
    const redis = stage.arena.options.servers.redis!
    for (let i = 0; i < times; i++) {
      await steady(stage)
      await redis.kill()
      await sleep(stage.random.below(3_000))
      await flowing(stage)
      await redis.startAgain()
      await sleep(2_000)
      await redis.admin.flushall()
      await flowing(stage)
      redis.pause()
      await sleep(10_000)
      await flowing(stage)
      redis.resume()
    }
  }
}

/** Redis is flushed, and a process killed at once: who opens its partitions finds nothing there. */
export function killBehindFlush(): Fault {
  return async (stage) => {
    const { arena, workers, random } = stage
    await steady(stage)
    const slot = random.below(workers.length)
    await arena.options.servers.redis!.admin.flushall()
    await killOne(stage, slot, 'kill -9 behind a flush of Redis to the next output')
  }
}

/** One member leaves and comes back, again and again, without a pause: by SIGTERM or by kill -9. */
export function rebalanceStorm(forMs: number): Fault {
  return async (stage) => {
    const { arena, workers, random } = stage
    await steady(stage)
    const untilMs = performance.now() + forMs
    for (let slot = 0; performance.now() < untilMs; slot = (slot + 1) % workers.length) {
      workers[slot].signal(random.below(2) === 0 ? 'SIGKILL' : 'SIGTERM')
      await workers[slot].ended
      workers[slot] = await arena.start(slot)
      await sleep(random.below(2_000))
    }
    await flowing(stage)
  }
}

/** Keeps a process' event loop busy for 10 s in the middle of a commit: no heartbeat, no answer. */
export function blocks(points: readonly string[]): Fault {
  return async (stage) => {
    const { arena, workers } = stage
    for (const [i, point] of points.entries()) {
      await steady(stage)
      const slot = i % workers.length
      workers[slot].signal('SIGTERM')
      await workers[slot].ended
      workers[slot] = await arena.start(slot, `${point}:block:${5 + stage.random.below(20)}`)
      await flowing(stage)
      // Until it was blocked, was thrown out, and has come back.
      await sleep(20_000)
      await flowing(stage)
    }
  }
}
