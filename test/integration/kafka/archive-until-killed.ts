/** Archives a topic until it has come to an offset, or was killed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Archiver } from '../../../src/cli/archiver.js'
import { Archive } from '../../../src/log/archive.js'
import { KafkaLog } from '../../../src/log/kafka-log.js'

const [brokers, topic, directory, until] = process.argv.slice(2)
const log = await KafkaLog.open({
  brokers: brokers.split(','),
  topics: [topic],
  timeBase: { kind: 'none' },
})
const archive = await Archive.begin(directory, { logId: log.id, topic, partitions: 1 })
const archiver = new Archiver({
  log,
  topic,
  archive,
  writing: { segmentBytes: 4_000, segmentMs: 1e9, clock: Date.now },
  pace: { blockBytes: 1_500, blockMs: 20, pollRecordsMax: 10 },
  note: (text) => process.stderr.write(`${text}\n`),
})
const stop = new AbortController()
const running = archiver.run(stop.signal)
process.stdout.write('following\n')
while (archiver.status()[0].endOffset < Number(until)) await sleep(5)
stop.abort()
await running
await log.close()
process.stdout.write('done\n')
