/**
 * A member of a group over a log on Kafka, with bounds as small as those of the small engine. It
 * runs until SIGTERM. `small-worker.ts BROKERS PREFIX DATA [COPIES [SESSION_MS [INSTANCE]]]`.
 */
import { join } from 'node:path'
import { heldStores } from '../../../src/cli/held-stores.js'
import { instanceIdOf } from '../../../src/cli/instance-id.js'
import { KafkaLog } from '../../../src/log/kafka-log.js'
import { topicsOf } from '../../../src/log/log.js'
import { featureProgram } from '../../../src/operators/program.js'
import { openLevelSnapshots } from '../../../src/snapshots/level-snapshots.js'
import { LevelStoreHome } from '../../../src/state/level-store-home.js'
import { startMember } from '../../../src/topology/member.js'
import { defaultSettings } from '../../../src/topology/settings.js'
import { app, layout } from './churn-parts.js'
import { hashScoring } from './scoring.js'

const [brokers, prefix, directory, copies = '0', sessionMs = '2000', instance] =
  process.argv.slice(2)
const say = (text: string): void => void process.stderr.write(`${text}\n`)

const topics = topicsOf(`${prefix}${app.name}`)
const log = await KafkaLog.open({
  brokers: brokers.split(','),
  topics: Object.values(topics),
  timeBase: { kind: 'none' },
  fetchWaitMs: 100,
})
const snapshots = await openLevelSnapshots(join(directory, 'snapshots'), { onDamage: say })
const home = new LevelStoreHome(join(directory, 'state'), 'state')
const member = startMember(
  {
    program: featureProgram(app.engine),
    codec: app.codec,
    rules: app.rules,
    layout,
    log,
    topics,
    logsState: true,
    home,
    snapshots,
    scoring: hashScoring,
    settings: {
      ...defaultSettings,
      batchRecordsMax: 16,
      commitRecordsMax: 48,
      commitAgeMsMax: 20,
      timersPerCommitMax: 40,
      idleWaitMs: 10,
      flushEveryMs: 300,
      flushBytesMax: 100_000,
      hotBytesMax: 120_000,
    },
    incarnation: `process-${process.pid}`,
    lowWatermark: () => null,
    committed: () => undefined,
    note: say,
  },
  { app: app.name, synthetic: true },
  {
    group: log.group({
      groupId: `${prefix}group`,
      instanceId: instance ?? (await instanceIdOf(directory)),
      sessionMs: Number(sessionMs),
      heartbeatMs: 200,
      copies: Number(copies),
    }),
    stores: await heldStores(home, log.id),
  },
)
const stopped = new Promise<void>((resolve) => process.on('SIGTERM', resolve))
process.stdout.write('started\n')
await Promise.race([member.done, stopped])
await member.stop()
await snapshots.close()
await log.close()
process.stdout.write('stopped\n')
