/** Topologies of one's own, small and by hand. */
import { expect, test } from 'vitest'
import { flatMap, jsonEvents, keyBy, topology, tumbling } from '../../src/index.js'
import { runOwn } from '../support/own-topology.js'

const line = (occurred_at: number, text: string) => ({
  type: 'line',
  customer_id: 'file',
  occurred_at,
  text,
})

test('a tumbling count tells each window once, when it has closed', async () => {
  const words = topology({
    name: 'words',
    events: jsonEvents({ line: { text: 'string' } }),
    operators: (lines$) =>
      lines$.pipe(
        flatMap('split', ({ text }) => text.split(' ')),
        keyBy('word', (word) => word),
      ),
    aggregate: { window: tumbling('10ms'), values: (fold) => ({ count: fold.count() }) },
  })
  const { rows, report, setAside } = await runOwn(words, [
    [line(1, 'a b a'), line(9, 'a'), line(12, 'b'), line(8, 'late'), line(35, 'c')],
  ])
  expect(
    rows.map(({ name, start, end, isFinal, values }) => [name, start, end, isFinal, values]),
  ).toEqual([
    ['b@0', 0, 10, true, { count: 1 }],
    ['a@0', 0, 10, true, { count: 3 }],
    ['b@10', 10, 20, true, { count: 1 }],
  ])
  expect(setAside).toEqual(['3 LATE'])
  expect(report).toMatchObject({ ok: true, rows: 3, records: 5, findings: [] })
})
