import { W1, w1Schema } from './w1.js'

const values = 2_000_000
const chunk = 20_000

/**
 * µs of CPU that avsc takes for one of W1's 2 million values, here and now: the yardstick beside
 * every figure, for machines are shared and drift. 0.33 µs where the targets were set.
 */
export function calibrate(): number {
  const w1 = new W1()
  let cpu = 0
  // The first chunk warms the decoder up and is not counted.
  for (let from = -chunk; from < values; from += chunk) {
    const encoded = Array.from({ length: chunk }, (_, i) =>
      w1Schema.toBuffer(w1.event(Math.max(0, from) + i)),
    )
    const before = process.cpuUsage()
    for (const value of encoded) w1Schema.fromBuffer(value)
    const { user, system } = process.cpuUsage(before)
    if (from >= 0) cpu += user + system
  }
  return cpu / values
}
