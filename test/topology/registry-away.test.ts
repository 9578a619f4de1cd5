/** A schema registry that is away, under a running engine: it pauses, and refuses nothing. */
import { describe, expect, test } from 'vitest'
import { AvroCodec } from '../../src/events/avro-codec.js'
import { envelopeFields } from '../../src/events/envelope.js'
import type { AvroRecordSchema } from '../../src/events/schema-types.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { startEngine } from '../../src/topology/engine.js'
import { MemorySchemas } from '../support/memory-schemas.js'
import { testTopology } from '../support/topology.js'

const start = Date.UTC(2024, 0, 1)
const schema: AvroRecordSchema = { type: 'record', name: 'hit', fields: envelopeFields }
const ids = { 1: { subject: 'hit', version: 1, schema } }

/** Records with a given id in their header: ours is 1, that of some other producer 9. */
async function filledLog(count: number, schemaId: (i: number) => number): Promise<MemoryLog> {
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  const codec = new AvroCodec({ hit: schema }, ids)
  const transaction = log.begin('producer')
  for (let i = 0; i < count; i++) {
    const occurred_at = start + i * 1000
    const body = { event_id: `e${i}`, customer_id: `c${i % 5}`, occurred_at, source: null }
    const value = Buffer.from(codec.encode('hit', body))
    value.writeUInt32BE(schemaId(i), 1)
    const key = Buffer.from(body.customer_id)
    transaction.append('test.events', 0, { key, value, timestamp: occurred_at, headers: null })
  }
  await transaction.commit()
  return log
}

function topology(log: MemoryLog, registry: MemorySchemas) {
  const { parts } = testTopology(log, { batchRecordsMax: 10, commitRecordsMax: 10 })
  return { ...parts, codec: new AvroCodec({ hit: schema }, ids, registry) }
}

const identity = { app: 'test', synthetic: true }

describe('an engine whose schema registry is away', () => {
  test('stops before the record that it cannot read, and goes on when the registry is back', async () => {
    const registry = new MemorySchemas()
    registry.put(9, schema)
    registry.goAway()
    const log = await filledLog(100, (i) => (i < 35 ? 1 : 9))
    const engine = startEngine(topology(log, registry), identity)
    await expect.poll(() => registry.asked).toEqual([[9]])
    // The last commit before it may stay open: nothing flows that would close it.
    await expect.poll(() => engine.status().partitions[0].endOffset).toBeGreaterThanOrEqual(20)
    expect(engine.status().partitions[0].endOffset).toBeLessThanOrEqual(30)
    registry.comeBack()
    await engine.idle()
    await engine.stop()
    const [{ endOffset, accepted, rejected }] = engine.status().partitions
    expect({ endOffset, accepted, rejected }).toEqual({
      endOffset: 100,
      accepted: 100,
      rejected: {},
    })
    // Once an id: what it means is for ever.
    expect(registry.asked).toEqual([[9]])
  })

  test('rejects what the registry says that it never heard of', async () => {
    const log = await filledLog(20, (i) => (i === 7 ? 9 : 1))
    const engine = startEngine(topology(log, new MemorySchemas()), identity)
    await engine.idle()
    await engine.stop()
    const [{ accepted, rejected }] = engine.status().partitions
    expect({ accepted, rejected }).toEqual({ accepted: 19, rejected: { SCHEMA_UNKNOWN: 1 } })
  })

  test('stops without it, and nothing is lost', async () => {
    const registry = new MemorySchemas()
    registry.put(9, schema)
    registry.goAway()
    const log = await filledLog(40, (i) => (i < 35 ? 1 : 9))
    const engine = startEngine(topology(log, registry), identity)
    await expect.poll(() => registry.asked).toEqual([[9]])
    const stopping = engine.stop()
    await registry.close()
    await stopping
    const again = new MemorySchemas()
    again.put(9, schema)
    const next = startEngine(topology(log, again), identity)
    await next.idle()
    await next.stop()
    expect(next.status().partitions[0]).toMatchObject({ endOffset: 40, accepted: 40 })
  })
})
