import { describe, expect, it } from 'vitest'
import { always, jsonEvents, startTopology, topology } from '../../src/index.js'
import { tempFolder } from '../support/temp-folder.js'

const named = (name: string) =>
  topology({
    name,
    events: jsonEvents({ sale: { n: 'number' } }),
    operators: (sales$) => sales$,
    aggregate: { window: always(), values: (fold) => ({ n: fold.sum((sale) => sale.n) }) },
  })

const sale = (n: number) => ({ type: 'sale', customer_id: 'c1', occurred_at: n, n }) as const

describe('a folder', () => {
  it('of another topology is refused, and stays as it is', async () => {
    const directory = await tempFolder()
    const first = await startTopology(named('sales'), { directory })
    await first.append([sale(1)])
    await first.idle()
    await first.stop()

    await expect(startTopology(named('returns'), { directory })).rejects.toMatchObject({
      code: 'STATE_OF_ANOTHER_APP',
      exit: 78,
    })

    const notes: string[] = []
    const note = (text: string) => notes.push(text)
    const again = await startTopology(named('sales'), { directory, note })
    await again.append([sale(2)])
    await again.idle()
    const told: (number | null)[] = []
    for await (const { values } of again.rows()) told.push(values.n)
    await again.stop()
    expect([told, notes]).toEqual([[1, 3], []])
  })
})

it('an event without an instant is refused, with those that were to be put with it', async () => {
  const running = await startTopology(named('sales'), { timeBase: 'wall' })
  for (const n of [NaN, 1.5, 1e300]) {
    const refused = running.append([sale(1), sale(n)])
    await expect(refused).rejects.toMatchObject({ code: 'EVENT_INVALID', exit: 78 })
  }
  await running.append([sale(2)])
  await running.idle()
  const told: (number | null)[] = []
  for await (const { values } of running.rows()) told.push(values.n)
  expect(told).toEqual([2])
  await running.stop()
})

describe('an option that cannot be one is refused before anything is made of it', () => {
  it.each([0, -1, 2.5, NaN, 1e6])('partitions %d', async (partitions) => {
    const directory = await tempFolder()
    const refused = startTopology(named('sales'), { directory, partitions })
    await expect(refused).rejects.toMatchObject({ code: 'TOPOLOGY_INVALID' })
    await (await startTopology(named('sales'), { directory, partitions: 2 })).stop()
  })

  it('a time base', async () => {
    const refused = startTopology(named('sales'), { timeBase: 'virtual' as 'none' })
    await expect(refused).rejects.toMatchObject({ code: 'TOPOLOGY_INVALID' })
  })
})
