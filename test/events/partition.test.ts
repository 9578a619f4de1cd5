import { describe, expect, test } from 'vitest'
import { murmur2, partitionOf } from '../../src/events/partition.js'

describe('murmur2', () => {
  // Apache Kafka, clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java, testMurmur2.
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('of %s is that of the Java client', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash)
  })
})

describe('partitionOf', () => {
  test('a negative hash loses its sign, not its value', () => {
    expect(partitionOf(Buffer.from('foobar'), 4)).toBe((-790332482 & 0x7fffffff) % 4)
  })

  test('keys spread over all partitions', () => {
    const counts = Array.from({ length: 8 }, () => 0)
    for (let i = 0; i < 8000; i++) counts[partitionOf(Buffer.from(`c${i}`), 8)]++
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  test('one partition takes all', () => {
    expect(partitionOf(Buffer.from('any'), 1)).toBe(0)
  })
})
