/** A customer's history where a configuration names Redis. */
import { configurationError } from '../errors.js'
import { OutputChanges } from '../events/output-changes.js'
import { OutputRows } from '../events/output-rows.js'
import { type CustomerHistory, stepsOf } from '../serving/history.js'
import { RedisLookups } from '../snapshots/redis-lookups.js'
import { configOf } from './config.js'
import { redisAddress, redisNames } from './connections.js'
import { customerNotFound } from './customer-not-found.js'
import type { CliIo } from './io.js'
import { layoutOf } from './layout.js'
import { loadApp } from './load-app.js'

/** Raises `CUSTOMER_NOT_FOUND` (74), `REDIS_MISSING` (78), and what `RedisLookups` raise. */
export async function inRedis(
  customer: string,
  path: string,
  limit: number,
  io: CliIo,
): Promise<CustomerHistory> {
  const { config, folder } = await configOf({ config: path }, io)
  const address = redisAddress(config)
  if (address === null) {
    const text = `${path} has no section redis: histories are nowhere else`
    throw configurationError('REDIS_MISSING', text)
  }
  const { app } = await loadApp(config.app, folder)
  const layout = layoutOf(app)
  const lookups = await RedisLookups.open(address, redisNames(config, layout))
  try {
    const { snapshot } = await lookups.find(customer)
    if (snapshot === null) throw customerNotFound(customer)
    const row = new OutputRows(layout).decodeFeatures(snapshot.features)
    const changes = await lookups.history(customer)
    const steps = stepsOf({ row, changes }, new OutputChanges(layout), limit)
    return { customer, steps, synthetic: app.synthetic }
  } finally {
    lookups.close()
  }
}
