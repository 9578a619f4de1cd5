/** Rows that are texts, for tests of snapshots that do not look into them. */
import type { RedisRowTexts } from '../../src/snapshots/redis-row.js'

export const textRows: RedisRowTexts = {
  features: (bytes) => ({
    asOf: 1000,
    validUntil: null,
    retired: false,
    values: JSON.stringify({ text: Buffer.from(bytes).toString() }),
  }),
  score: () => ({ probability: 0.75, risk: 'high', model: 'model/1' }),
}
