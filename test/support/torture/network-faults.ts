/** Faults of what lies between workers and brokers, done through the proxy. */
import { setTimeout as sleep } from 'node:timers/promises'
import { apiKeys } from './api-keys.js'
import { type Fault, flowing, steady } from './faults.js'
import { mischiefs } from './reply-proxy.js'

/** Answers and requests that are lost, late or doubled, of all that a transaction consists of. */
export function lostReplies(times: number): Fault {
  return async (stage) => {
    const { random } = stage
    const proxy = stage.proxy!
    const keys = Object.values(apiKeys)
    for (let i = 0; i < times; i++) {
      // Those of a transaction come by themselves; an identity is only asked for after a failure.
      const key = keys[(i + random.below(2)) % keys.length]
      const mischief = mischiefs[i % mischiefs.length]
      proxy.plan(key, mischief, 200 + random.below(5_000))
      await sleep(500 + random.below(1_000))
      if (i % 10 === 9) await flowing(stage)
    }
    await sleep(12_000)
    await flowing(stage)
    stage.say(`${proxy.done.length} requests were meddled with`)
    if (proxy.done.length < times / 2) stage.faults.push('hardly any request was met')
  }
}

const { initProducerId, addPartitions, produce, endTxn } = apiKeys

/** Error codes of Kafka's protocol, with the requests that brokers answer with them. */
const refusals: readonly { readonly name: string; readonly code: number; readonly of: number[] }[] =
  [
    { name: 'COORDINATOR_LOAD_IN_PROGRESS', code: 14, of: [initProducerId, addPartitions, endTxn] },
    { name: 'COORDINATOR_NOT_AVAILABLE', code: 15, of: [initProducerId, addPartitions, endTxn] },
    { name: 'NOT_COORDINATOR', code: 16, of: [initProducerId, addPartitions, endTxn] },
    { name: 'CONCURRENT_TRANSACTIONS', code: 51, of: [initProducerId, addPartitions, endTxn] },
    { name: 'NOT_LEADER_OR_FOLLOWER', code: 6, of: [produce] },
    { name: 'NOT_ENOUGH_REPLICAS', code: 19, of: [produce] },
    { name: 'OUT_OF_ORDER_SEQUENCE_NUMBER', code: 45, of: [produce] },
    { name: 'INVALID_PRODUCER_EPOCH', code: 47, of: [addPartitions, produce, endTxn] },
    { name: 'INVALID_TXN_STATE', code: 48, of: [addPartitions, endTxn] },
    { name: 'INVALID_PRODUCER_ID_MAPPING', code: 49, of: [addPartitions, endTxn] },
    { name: 'UNKNOWN_PRODUCER_ID', code: 59, of: [produce] },
    { name: 'PRODUCER_FENCED', code: 90, of: [initProducerId, addPartitions, endTxn] },
  ]

/**
 * Each error on each request of a transaction that brokers answer with it, although the request was
 * carried out; `often` times in a row those that only say that the broker is busy.
 */
export function refusedRequests(often: number): Fault {
  return async (stage) => {
    const proxy = stage.proxy!
    for (const { name, code, of } of refusals) {
      await flowing(stage)
      const isBusy = code === 51
      for (const key of of) proxy.refuse(key, code, isBusy ? often : 1)
      // An identity is only asked for where something has failed.
      const due = of.filter((key) => key !== initProducerId)
      const untilMs = performance.now() + 60_000
      while (proxy.awaits(due) && performance.now() < untilMs) await sleep(100)
      if (proxy.awaits(due)) stage.faults.push(`${name} was answered to too few requests`)
      await flowing(stage)
    }
    stage.say(`${proxy.done.length} requests were refused`)
  }
}

/** Slow, narrow, deaf in one direction, cut off, and with flipped bits, each for a while. */
export function badNetwork(forMs: number): Fault {
  return async (stage) => {
    const proxy = stage.proxy!
    const { random, arena } = stage
    const slow = { latencyMs: () => 300 + random.below(400) }
    const narrow = { bytesPerSecond: 125_000 }
    for (const quality of [
      { requests: slow, answers: slow },
      { requests: narrow, answers: narrow },
    ]) {
      await steady(stage)
      proxy.quality = quality
      await sleep(forMs)
      await flowing(stage)
      proxy.quality = {}
    }
    for (const direction of ['requests', 'answers'] as const) {
      await steady(stage)
      let heal!: () => void
      const healed = new Promise<void>((resolve) => (heal = resolve))
      proxy.quality = { [direction]: { healed } }
      await sleep(arena.options.sessionMs * 2)
      proxy.quality = {}
      heal()
      await flowing(stage)
    }
    for (let i = 0; i < 10; i++) {
      proxy.reset()
      await sleep(random.below(2_000))
    }
    await flowing(stage)
    proxy.corrupts = 0.05
    await sleep(forMs)
    proxy.corrupts = 0
    await flowing(stage)
  }
}
