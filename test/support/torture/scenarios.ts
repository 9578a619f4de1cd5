/** The scenarios by name: where each takes place, and which faults it brings. */
import { seededRandom } from '../random.js'
import { Arena, type ArenaOptions } from './arena.js'
import {
  blocks,
  brokerFreeze,
  brokerKills,
  type Fault,
  freezes,
  killBehindFlush,
  kills,
  rebalanceStorm,
  redisLosses,
  rollingRestarts,
  type Stage,
  startAll,
} from './faults.js'
import { judge, type Verdict } from './judge.js'
import { badNetwork, lostReplies, refusedRequests } from './network-faults.js'
import { ReplyProxy } from './reply-proxy.js'
import { Servers } from './servers.js'

export interface Scenario {
  readonly name: string
  readonly about: string
  readonly faults: readonly Fault[]
  /** Whether it kills servers, and so needs its own. */
  readonly ownServers?: boolean
  readonly proxied?: boolean
  readonly arena?: Partial<ArenaOptions>
}

export interface ScenarioEnd extends Verdict {
  readonly measured: ReadonlyMap<string, readonly number[]>
}

const zombiePoints = [
  'kafka.begun',
  'kafka.producing',
  'kafka.produced',
  'kafka.ending',
  'kafka.committed',
  'engine.before-flush',
  'redis.before-rows',
  'redis.in-rows',
]

const busy = { eventsPerSecond: 5_000, customers: 100_000, sessionMs: 3_000 }

export const scenarios: readonly Scenario[] = [
  {
    name: 'kill',
    about: 'kill -9 of one worker at a time, its disk kept: how long until there is new output',
    faults: [kills(8)],
    arena: { sessionMs: 3_000 },
  },
  {
    name: 'freeze',
    about: 'SIGSTOP in the middle of a commit, past the session, and back',
    faults: [freezes(zombiePoints)],
  },
  {
    name: 'block',
    about: 'an event loop that is busy past the session in the middle of a commit',
    faults: [blocks(['engine.mid-batch', 'kafka.producing', 'kafka.committed'])],
  },
  {
    name: 'rebalance',
    about: 'members leave and come back without a pause',
    faults: [rebalanceStorm(60_000)],
  },
  {
    name: 'rolling',
    about: 'rolling restarts of all workers under load',
    faults: [rollingRestarts(9)],
    arena: { sessionMs: 6_000 },
  },
  { name: 'broker', about: 'kill -9 of the broker', faults: [brokerKills(4)], ownServers: true },
  {
    name: 'broker-freeze',
    about: 'the broker stands still for 40 s',
    faults: [brokerFreeze(40_000)],
    ownServers: true,
  },
  {
    name: 'redis',
    about:
      'Redis is killed and comes back empty, is flushed, stands still, is flushed under a kill',
    faults: [redisLosses(2), killBehindFlush()],
    ownServers: true,
  },
  {
    name: 'replies',
    about: 'requests and answers of transactions are lost, late and doubled',
    faults: [lostReplies(60)],
    ownServers: true,
    proxied: true,
  },
  {
    name: 'refusals',
    about: 'each error of each request of a transaction, although it was carried out',
    faults: [refusedRequests(50)],
    ownServers: true,
    proxied: true,
  },
  {
    name: 'network',
    about: 'slow, narrow, deaf in one direction, cut off, with flipped bits',
    faults: [badNetwork(20_000)],
    ownServers: true,
    proxied: true,
    arena: { sessionMs: 6_000 },
  },
  {
    name: 'show',
    about: 'all of them one after the other at 5,000 events/s',
    faults: [
      kills(3),
      freezes(['kafka.producing', 'kafka.ending']),
      rollingRestarts(3),
      brokerKills(2),
      redisLosses(1),
    ],
    ownServers: true,
    arena: busy,
  },
]

export interface PlayOptions {
  readonly seed: number
  /** Over that of the scenario. */
  readonly pace?: Pick<ArenaOptions, 'eventsPerSecond' | 'customers' | 'sessionMs'>
  readonly say: (text: string) => void
}

/** Plays one scenario on servers of its own, or on those given, and judges it. */
export async function play(
  scenario: Scenario,
  { seed, pace, say }: PlayOptions,
): Promise<ScenarioEnd> {
  const proxy = scenario.proxied === true ? await ReplyProxy.start() : null
  let servers: Servers | null = null
  let arena: Arena | null = null
  try {
    servers = await openServers(scenario, proxy)
    arena = await Arena.open({
      seed,
      servers,
      ...scenario.arena,
      ...(proxy !== null && { workerBrokers: [`127.0.0.1:${proxy.port}`] }),
      ...pace,
    })
    const random = seededRandom(seed)
    const measured = new Map<string, number[]>()
    const stage: Stage = { arena, workers: [], random, measured, faults: [], proxy, say }
    await startAll(stage)
    for (const [i, fault] of scenario.faults.entries()) {
      await fault(stage)
      const { events } = arena.feed
      say(`${scenario.name}: fault ${i + 1} of ${scenario.faults.length} is over, ${events} events`)
    }
    const verdict = await judge(arena, say)
    return { ...verdict, faults: [...stage.faults, ...verdict.faults], measured }
  } finally {
    await arena?.close()
    await servers?.stop()
    await proxy?.stop()
  }
}

/** Behind a proxy the broker has a second listener, whose address is the proxy's. */
async function openServers(scenario: Scenario, proxy: ReplyProxy | null): Promise<Servers> {
  const own = scenario.ownServers ?? false
  if (proxy === null) return Servers.open({ own })
  const servers = await Servers.open({ own, advertised: proxy.port })
  proxy.passTo(servers.broker!.behindPort!)
  return servers
}
