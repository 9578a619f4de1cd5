import { W1, w1Schema } from './w1.js'

/**
 * µs of CPU that avsc takes for one of W1's values, here and now: the yardstick beside every
 * figure, for machines are shared and drift. Decodes 2 million values (20,000 different ones).
 */
export function calibrate(): number {
  const w1 = new W1()
  const values = Array.from({ length: 20_000 }, (_, i) => w1Schema.toBuffer(w1.event(i)))
  for (const value of values) w1Schema.fromBuffer(value)
  const before = process.cpuUsage()
  for (let round = 0; round < 100; round++) {
    for (const value of values) w1Schema.fromBuffer(value)
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 2_000_000
}
