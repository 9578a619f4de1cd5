/**
 * Membership of a consumer group, by requests of our own.
 *
 * The client's consumer can neither keep partitions through a rebalance nor wait for its user before
 * it gives them up, and it beats only between fetches. Here a member beats by a timer, whatever its
 * partitions are at, and offsets are none of its business: where to go on is said by the log.
 *
 * G1 A round ends only when what is to move has been given up; then the member comes again (H1).
 * G2 A member that the group has gone on without gives all up before it comes again.
 * G3 Who returns under its name within its session gets back what it had, and then comes again: what
 *    it was about to give up, or the others to it, is shared out in that round.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { aborted } from '../aborted.js'
import { configurationError } from '../errors.js'
import type { KafkaCluster } from './kafka-cluster.js'
import { BrokerRefusal, isBusy, kafkaCode, kafkaFailure, NoAnswer } from './kafka-errors.js'
import {
  decodeShare,
  encodeSharer,
  heartbeatRequest,
  joinGroupRequest,
  leaveGroupRequest,
  type Membership,
  offsetCommitRequest,
  syncGroupRequest,
} from './kafka-group-requests.js'
import { KafkaLane } from './kafka-lane.js'
import type { KafkaRequest } from './kafka-requests.js'
import type { Group, GroupMember } from './membership.js'
import { leaderShares, type SharedTopic } from './kafka-leader-shares.js'

export interface KafkaGroupOptions {
  readonly groupId: string
  /**
   * The name under which the group knows this member again when its process was killed and started
   * anew (KIP-345); null: it waits until the session of the dead one has ended. @default null
   */
  readonly instanceId?: string | null
  /** Silence after which the group goes on without a member. @default 10_000 */
  readonly sessionMs?: number
  /** @default 1_000 */
  readonly heartbeatMs?: number
  /** How long a round waits for members that have something to give up. @default 60_000 */
  readonly rebalanceMs?: number
  /** Members beside the one that runs a partition which keep a copy of its store. @default 0 */
  readonly copies?: number
}

type Ending = 'again' | 'leaving' | { readonly lost: string }

const pauseMs = 100
const tellMsMax = 2_000

export class KafkaGroup implements Group {
  readonly #lane: KafkaLane
  readonly #leaving = new AbortController()
  readonly #options: Required<KafkaGroupOptions>
  #memberId = ''
  #instanceId: string | null
  /** Whether the brokers may know it by its name already. */
  #isJoining = false
  #generation = -1
  #waiting: ((isMember: boolean) => void)[] = []
  /** Ends the pause between two beats. */
  #wake: () => void = () => undefined
  readonly counts = { rebalances: 0, lost: 0 }

  constructor(
    readonly cluster: KafkaCluster,
    readonly shared: SharedTopic,
    options: KafkaGroupOptions,
  ) {
    this.#lane = new KafkaLane(cluster.connector)
    this.#options = {
      sessionMs: 10_000,
      heartbeatMs: 1_000,
      rebalanceMs: 60_000,
      copies: 0,
      instanceId: null,
      ...options,
    }
    this.#instanceId = this.#options.instanceId
  }

  async run(member: GroupMember): Promise<void> {
    try {
      // A broker may hold the answer to a joining for as long as a round takes.
      await Promise.race([aborted(this.#leaving.signal), this.#rounds(member)])
    } finally {
      this.#answer(false)
    }
  }

  confirm(): Promise<boolean> {
    if (this.#isLeaving) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#wake()
    })
  }

  async committed(offsets: ReadonlyMap<number, number>): Promise<void> {
    if (offsets.size === 0 || this.#memberId === '') return
    const request = offsetCommitRequest(this.#membership, this.shared.topic, offsets)
    // Nothing rests on it: who was refused has lost the partitions, or commits again soon.
    await this.#tell(request)
  }

  async leave(): Promise<void> {
    if (this.#isLeaving) return
    this.#leaving.abort()
    this.#wake()
    this.#lane.close()
    const isNamed = this.#isJoining && this.#instanceId !== null
    if (this.#memberId === '' && !isNamed) return
    const request = leaveGroupRequest(this.#membership)
    // Who cannot say goodbye is missed when his session ends.
    await this.#tell(request)
  }

  /** Says what nobody has to hear: a broker that does not answer is not waited for. */
  async #tell<T>(request: KafkaRequest<T>): Promise<void> {
    const over = new AbortController()
    const telling = this.#sendTo(this.cluster.control, request).catch(() => undefined)
    const waited = sleep(tellMsMax, undefined, { signal: over.signal }).catch(() => undefined)
    await Promise.race([telling, waited])
    over.abort()
  }

  get #membership(): Membership {
    const { groupId } = this.#options
    const generation = this.#generation
    return { groupId, generation, memberId: this.#memberId, instanceId: this.#instanceId }
  }

  get #isLeaving(): boolean {
    return this.#leaving.signal.aborted
  }

  async #rounds(member: GroupMember): Promise<void> {
    try {
      while (!this.#isLeaving) {
        const ending = await this.#round(member)
        if (typeof ending === 'string') continue
        this.counts.lost += 1
        await member.lost(ending.lost)
      }
    } catch (error) {
      // A request that a leaving cut off has failed for that reason.
      if (!this.#isLeaving) throw kafkaFailure(error)
    }
  }

  /** From joining until the next time that there is reason to join. */
  async #round(member: GroupMember): Promise<Ending> {
    const { owned, stores } = await member.holdings()
    const metadata = encodeSharer(this.shared.topic, {
      owned,
      stores,
      generation: this.#generation,
    })
    const { sessionMs, rebalanceMs } = this.#options
    const isNew = this.#memberId === ''
    this.#isJoining = true
    const joined = await this.#persist(
      joinGroupRequest({ ...this.#membership, sessionMs, rebalanceMs, metadata }),
      ({ error }) => error,
    )
    this.#isJoining = false
    this.#memberId = joined.memberId || this.#memberId
    if (joined.error === kafkaCode.memberIdRequired) return 'again'
    if (joined.error !== 0) return this.#unsettled(joined.error)
    this.#generation = joined.generation
    const synced = await this.#persist(
      syncGroupRequest(this.#membership, leaderShares(joined, this.shared, this.#options.copies)),
      ({ error }) => error,
    )
    if (synced.error !== 0) return this.#unsettled(synced.error)
    if (this.#isLeaving) return 'leaving'
    this.counts.rebalances += 1
    const { partitions, copies, to } = decodeShare(synced.share)
    const gives = owned.some((partition) => !partitions.includes(partition))
    // An older leader does not say for whom it is.
    const isFormer = to === null ? isNew && this.#instanceId !== null : to !== this.#memberId
    return this.#stay(member.assigned(partitions, copies), gives || isFormer)
  }

  /** Beats until the next round, which `comesAgain` asks for once `settling` has ended (G1, G3). */
  async #stay(settling: Promise<void>, comesAgain: boolean): Promise<Ending> {
    let isSettled = false
    let isAsked = comesAgain
    const settled = settling.then(() => {
      isSettled = true
      this.#wake()
    })
    try {
      while (!this.#isLeaving) {
        // Who waits to be confirmed need not wait for the whole round.
        if (isSettled && isAsked && this.#waiting.length === 0) return 'again'
        const asking = this.#waiting.length
        const code = await this.#beat()
        if (code === 0 || code === kafkaCode.rebalanceInProgress) this.#answer(true, asking)
        if (code === kafkaCode.rebalanceInProgress) isAsked = true
        else if (code !== 0 && code !== null) return this.#unsettled(code)
        if (this.#waiting.length === 0 && !(isSettled && isAsked)) await this.#pause()
      }
      return 'leaving'
    } finally {
      await settled
    }
  }

  async #pause(): Promise<void> {
    const woken = new AbortController()
    this.#wake = () => woken.abort()
    await sleep(this.#options.heartbeatMs, undefined, { signal: woken.signal }).catch(
      () => undefined,
    )
    this.#wake = () => undefined
  }

  /** The group's answer, or null where there was none: the session may go on all the same. */
  async #beat(): Promise<number | null> {
    try {
      const code = await this.#sendTo(this.#lane, heartbeatRequest(this.#membership))
      if (!isBusy(code)) return code
      this.cluster.forgetCoordinator(this.#options.groupId, 'group')
    } catch (error) {
      if (!passes(error)) throw error
    }
    await sleep(pauseMs)
    return null
  }

  /** Resolves the first `count` of those who wait. */
  #answer(isMember: boolean, count = this.#waiting.length): void {
    for (const resolve of this.#waiting.splice(0, count)) resolve(isMember)
  }

  /** What an error of the group means: a try again, or that all is lost. */
  #unsettled(code: number): Ending {
    if (code === kafkaCode.rebalanceInProgress) return 'again'
    if (code === kafkaCode.unknownMemberId) this.#memberId = ''
    const { groupId } = this.#options
    if (code === kafkaCode.unknownMemberId || code === kafkaCode.illegalGeneration) {
      this.#generation = -1
      return { lost: `group ${groupId} has gone on without this member` }
    }
    if (code === kafkaCode.fencedInstanceId) {
      const name = this.#instanceId
      // To take the place back under that name would throw the other one out in turn, for ever.
      this.#instanceId = null
      this.#memberId = ''
      this.#generation = -1
      return { lost: `another process is member ${name} of group ${groupId} in place of this one` }
    }
    const text = new BrokerRefusal(code, `group ${groupId}`).message
    const isDenied = code === kafkaCode.groupAuthorizationFailed
    throw configurationError(isDenied ? 'KAFKA_DENIED' : 'GROUP_REFUSED', text)
  }

  /** Asks until there is an answer of substance: a group is waited for as long as it takes. */
  async #persist<T>(request: KafkaRequest<T>, errorOf: (answer: T) => number): Promise<T> {
    for (;;) {
      try {
        const answer = await this.#sendTo(this.#lane, request)
        if (!isBusy(errorOf(answer))) return answer
        this.cluster.forgetCoordinator(this.#options.groupId, 'group')
      } catch (error) {
        if (!passes(error) || this.#isLeaving) throw error
      }
      await sleep(pauseMs)
    }
  }

  async #sendTo<T>(lane: KafkaLane, request: KafkaRequest<T>): Promise<T> {
    const { groupId } = this.#options
    const place = await this.cluster.coordinator(groupId, 'group')
    try {
      return await lane.send(place, request)
    } catch (error) {
      this.cluster.forgetCoordinator(groupId, 'group')
      throw error
    }
  }
}

/** No broker answers, or none looks after the group at the moment. */
function passes(error: unknown): boolean {
  return error instanceof NoAnswer || (error instanceof BrokerRefusal && isBusy(error.code))
}
