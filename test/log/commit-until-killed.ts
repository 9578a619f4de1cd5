/** A process that commits to an embedded log until it is killed, one line for each commit. */
import { EmbeddedLog } from '../../src/log/embedded-log.js'

const [directory, commitsMax] = process.argv.slice(2)
const log = await EmbeddedLog.open(directory, { partitions: 2, timeBase: { kind: 'none' } })
const from = await log.endOffset('changelog', 0)

for (let commit = from; commit < from + Number(commitsMax); commit += 1) {
  const transaction = log.begin('writer')
  const value = Buffer.from(String(commit))
  // Sizes differ, so that a commit is one small block or several large ones.
  const count = commit % 7 === 0 ? 3000 : 5
  for (let index = 0; index < count; index += 1) {
    const record = { key: value, value: Buffer.alloc(50, commit), timestamp: commit, headers: null }
    transaction.append(index % 2 === 0 ? 'events' : 'features', 1, record)
  }
  transaction.append('events', 1, { key: value, value: null, timestamp: commit, headers: null })
  transaction.append('changelog', 0, { key: null, value, timestamp: commit, headers: null })
  await transaction.commit()
  process.stdout.write(`${commit}\n`)
}
await log.close()
