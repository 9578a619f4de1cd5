/**
 * The engine over a data directory's log, with bounds so small that a few thousand events make a
 * hundred commits and dozens of flushes, and that most customers are not in memory. It ends when
 * everything is committed, or after SIGTERM. For `runChild`: `small-engine.ts DATA [FLUSH_MS]`.
 */
import { join } from 'node:path'
import { EmbeddedLog } from '../../../src/log/embedded-log.js'
import { featureProgram } from '../../../src/operators/program.js'
import { openLevelSnapshots } from '../../../src/snapshots/level-snapshots.js'
import { LevelStoreHome } from '../../../src/state/level-store-home.js'
import { startEngine } from '../../../src/topology/engine.js'
import { defaultSettings } from '../../../src/topology/settings.js'
import { app, layout, topics } from './churn-parts.js'
import { hashScoring } from './scoring.js'

const [directory, flushMs = '10'] = process.argv.slice(2) as [string, string?]
const say = (text: string): void => void process.stderr.write(`${text}\n`)

const log = await EmbeddedLog.open(join(directory, 'log'), { mustExist: true })
const snapshots = await openLevelSnapshots(join(directory, 'snapshots'), {
  flushEveryMs: Number(flushMs),
  onDamage: say,
})
const engine = startEngine(
  {
    program: featureProgram(app.engine),
    codec: app.codec,
    rules: app.rules,
    layout,
    log,
    topics,
    home: new LevelStoreHome(join(directory, 'state'), 'state'),
    snapshots,
    scoring: hashScoring,
    settings: {
      ...defaultSettings,
      batchRecordsMax: 16,
      commitRecordsMax: 32,
      commitAgeMsMax: 20,
      timersPerCommitMax: 40,
      idleWaitMs: 10,
      flushEveryMs: Number(flushMs),
      hotBytesMax: 120_000,
    },
    incarnation: `process-${process.pid}`,
    lowWatermark: () => null,
    committed: () => undefined,
    note: say,
  },
  { app: app.name, synthetic: true },
)
const stopped = new Promise<void>((resolve) => process.on('SIGTERM', resolve))
// Only now: who reads it may send the signal at once.
process.stdout.write('started\n')
await Promise.race([engine.idle(), engine.done, stopped])
await engine.stop()
await snapshots.close()
await log.close()
process.stdout.write('stopped\n')
