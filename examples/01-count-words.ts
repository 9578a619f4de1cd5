/**
 * Counts the words of a file: `npx tsx examples/01-count-words.ts [FILE.txt]`
 *
 * Lines go into a log, `flatMap` makes words of them, `keyBy` says by what is counted. A window
 * that is `always` open tells its count anew by each commit that changed it.
 *
 * Prints of its own text, the most frequent words first:
 *
 *   the 3
 *   is 2
 *   log 2
 *   state 2
 *   a 1
 */
import { readFileSync } from 'node:fs'
import { always, flatMap, jsonEvents, keyBy, startTopology, topology } from 'tidemark'

const ownText = `The log is the truth.
Every state is a prefix of the log,
folded: state can be lost.`

const words = topology({
  name: 'words',
  events: jsonEvents({ line: { text: 'string' } }),
  operators: (lines$) =>
    lines$.pipe(
      flatMap('split', (line) => line.text.toLowerCase().match(/\p{L}+/gu) ?? []),
      keyBy('word', (word) => word),
    ),
  aggregate: { window: always(), values: (fold) => ({ count: fold.count() }) },
})

const file = process.argv[2]
const text = file?.endsWith('.txt') ? readFileSync(file, 'utf8') : ownText
const running = await startTopology(words)
await running.append(
  text.split('\n').map((line, number) => ({
    type: 'line',
    customer_id: 'file',
    occurred_at: number,
    text: line,
  })),
)
await running.idle()

// Each commit has told the counts that it changed, so the last row of a word is its count.
const counts = new Map<string, number>()
for await (const { key, values } of running.rows()) counts.set(key, values.count ?? 0)
const sorted = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
for (const [word, count] of sorted.slice(0, 5)) console.log(word, count)
await running.stop()
