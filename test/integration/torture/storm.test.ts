/**
 * Three workers over a real broker and a real Redis, killed once at each of the sixteen kill points
 * while the input comes: afterwards all oracles hold. `npm run torture` does it for hours.
 */
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { kafkaBrokers } from '../../support/shared-broker.js'
import { killPoints } from '../../support/torture/kill-points.js'
import { Servers } from '../../support/torture/servers.js'
import { storm } from '../../support/torture/storm.js'

let brokers: string[]

beforeAll(async () => {
  brokers = await kafkaBrokers()
}, 300_000)

test('workers that are killed once at each kill point lose and double nothing', async () => {
  const servers = await Servers.open({ brokers })
  onTestFinished(() => servers.stop())
  const { faults, kills, rows } = await storm({ seed: 1, servers, times: 1 })
  expect(faults, 'again: npm run torture -- --scenario storm --times 1 --rounds 1').toEqual([])
  expect([...kills.keys()].sort()).toEqual(killPoints.map(({ id }) => id).sort())
  expect(rows).toBeGreaterThan(1_000)
}, 900_000)
