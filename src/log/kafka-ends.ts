/**
 * Where partitions begin and end, and the proof that a reader has seen all of one.
 *
 * E1 A proof is the high watermark, open transactions included, and an instant read before it was
 *    asked for: who stands at that watermark has seen whatever was in the log at that instant. (The
 *    last stable offset proves nothing: an open transaction may be older than the claim.)
 * E2 The leader itself says so, in an answer that it refuses while it does not know its watermark,
 *    as after an election; a fetch would answer an old one.
 * E3 One request a broker for all partitions that are followed, at most one in `proveEveryMs`.
 */
import { performance } from 'node:perf_hooks'
import type { KafkaCluster } from './kafka-cluster.js'
import { BrokerRefusal } from './kafka-errors.js'
import { KafkaLane } from './kafka-lane.js'
import { listOffsetsRequest, type Place } from './kafka-requests.js'
import type { Tail } from './tails.js'
import type { LogClock } from './time-base.js'

export interface Proof {
  /** ms UTC of the log's time base. */
  readonly instant: number
  readonly highWatermark: number
}

export class KafkaEnds {
  readonly #lane: KafkaLane
  readonly #followed = new Map<Tail, number>()
  #proofs: Promise<ReadonlyMap<Tail, Proof>> | null = null
  #askedMs = -Infinity

  constructor(
    readonly cluster: KafkaCluster,
    readonly clock: LogClock,
    readonly proveEveryMs: number,
  ) {
    this.#lane = new KafkaLane(cluster.connector)
  }

  /** The first offset that is still there, or the one behind the last stable record. */
  async offset(at: Tail, which: 'start' | 'stable'): Promise<number> {
    const request = listOffsetsRequest([at], which)
    const errorOf = (answer: readonly { readonly error: number }[]) => answer[0].error
    const [{ offset }] = await this.cluster.sendToLeader(this.#lane, at, request, errorOf)
    return offset
  }

  /** To be asked of what a reader follows, until it is closed. */
  follow(tail: Tail): void {
    this.#followed.set(tail, (this.#followed.get(tail) ?? 0) + 1)
  }

  unfollow(tail: Tail): void {
    const readers = this.#followed.get(tail)! - 1
    if (readers > 0) this.#followed.set(tail, readers)
    else this.#followed.delete(tail)
  }

  /** The newest proof of a followed partition, or null: nothing is known now, or time is not shown. */
  async prove(tail: Tail): Promise<Proof | null> {
    const nowMs = performance.now()
    if (this.#proofs === null || nowMs - this.#askedMs >= this.proveEveryMs) {
      this.#askedMs = nowMs
      this.#proofs = this.#ask()
    }
    return (await this.#proofs).get(tail) ?? null
  }

  close(): void {
    this.#lane.close()
  }

  async #ask(): Promise<ReadonlyMap<Tail, Proof>> {
    const proofs = new Map<Tail, Proof>()
    const instant = this.clock.now()
    if (instant === null) return proofs
    const byLeader = new Map<Place, Tail[]>()
    for (const tail of this.#followed.keys()) {
      const leader = this.#leaderOf(tail)
      if (leader !== null) byLeader.set(leader, [...(byLeader.get(leader) ?? []), tail])
    }
    const asked = [...byLeader].map(async ([leader, tails]) => {
      const request = listOffsetsRequest(tails, 'high-watermark')
      for (const { topic, partition, error, offset } of await this.#lane.send(leader, request)) {
        const tail = tails.find((it) => it.topic === topic && it.partition === partition)
        if (error === 0 && tail) proofs.set(tail, { instant, highWatermark: offset })
      }
    })
    // Who gets no answer has no proof; the fetch of the same partition tells what is wrong.
    await Promise.allSettled(asked)
    return proofs
  }

  #leaderOf({ topic, partition }: Tail): Place | null {
    try {
      return this.cluster.leader(topic, partition)
    } catch (error) {
      if (error instanceof BrokerRefusal) return null
      throw error
    }
  }
}
