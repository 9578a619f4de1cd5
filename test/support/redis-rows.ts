/** Rows that are texts, for tests of snapshots that do not look into them. */
import type { RedisRowDecoder } from '../../src/snapshots/redis-row.js'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

export const textRows: RedisRowDecoder = {
  decodeFeatures: (bytes) => ({ asOf: 1000, validUntil: null, values: { text: text(bytes) } }),
  decodeScore: () => ({
    probability: 0.75,
    risk: 'high',
    bundle: { name: 'model', version: '1' },
  }),
}
