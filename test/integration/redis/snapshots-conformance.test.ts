/** What every snapshot store keeps, on a real Redis: one server, and a cluster. */
import { afterAll, beforeAll, expect } from 'vitest'
import type { RedisAddress } from '../../../src/snapshots/redis-address.js'
import { RedisKeys } from '../../../src/snapshots/redis-keys.js'
import { RedisLink } from '../../../src/snapshots/redis-link.js'
import { RedisSnapshots } from '../../../src/snapshots/redis-snapshots.js'
import {
  madeUpChanges,
  madeUpTexts,
  snapshotsConformance,
  type SnapshotsPlace,
} from '../../conformance/snapshots.js'
import { RedisServer, startRedisCluster } from '../../support/redis-server.js'

const servers: RedisServer[] = []
const cluster: RedisServer[] = []
let generations = 0

beforeAll(async () => {
  servers.push(await RedisServer.start({ isShared: true }))
  cluster.push(...(await startRedisCluster({ isShared: true })))
})

afterAll(async () => {
  for (const server of [...servers, ...cluster]) await server.stop()
})

/** Each has a generation of its own, and so keys of its own. */
function place(address: RedisAddress): SnapshotsPlace {
  const keys = new RedisKeys('test', String(++generations))
  let link: RedisLink | null = null
  return {
    open: async () => {
      link = new RedisLink(address, { silenceMsMax: 2000, pauseMsMax: 100 })
      await link.connect(5000)
      const refill = () => expect.unreachable('nothing was lost')
      const options = { rows: madeUpTexts, changes: madeUpChanges, refill, topEveryMs: 0 }
      return new RedisSnapshots(link, keys, options)
    },
    // The connection is cut, and what waits in memory is never sent.
    crash: async () => link?.close(),
  }
}

snapshotsConformance('Redis snapshots', async () => place({ url: servers[0].url }))

snapshotsConformance('Redis snapshots in a cluster', async () =>
  place({ cluster: [cluster[0].node] }),
)
