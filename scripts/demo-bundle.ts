/**
 * Makes the bundles that ship with the built-in app again: a year of the made-up business, with
 * another seed than the demo's, is written to a log, replayed into a training set, and trained on.
 *
 *   npm run demo-bundle        writes bundles/churn/champion and bundles/churn/fallback
 *
 * Everything is synthetic, and so is every figure in the bundles.
 */
import { execFileSync } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { churn } from '../src/apps/churn/app.js'
import { Generator } from '../src/ingest/generate.js'
import { EmbeddedLog } from '../src/log/embedded-log.js'
import { parseCutoffs } from '../src/replay/cutoffs.js'
import { writeTrainingSet } from '../src/replay/training-set.js'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const seed = 20_240_101
const beginMs = Date.UTC(2024, 0, 1)
const endMs = Date.UTC(2025, 0, 15)
const cutoffs = '2024-05-01..2024-11-27/7d'
const testCutoff = '2024-11-27'
/** One kept is worth the bills of a year: 12.27 a month for the mean new customer. */
const customerValue = '150'

const folder = await mkdtemp(join(tmpdir(), 'tidemark-demo-bundle-'))
try {
  const app = { ...churn(), synthetic: true }
  const log = await EmbeddedLog.open(join(folder, 'log'), { timeBase: { kind: 'none' } })
  const stop = new AbortController()
  const generator = new Generator({
    app,
    log,
    run: { seed, eventsPerDay: 2000, beginMs, throughMs: 0 },
    stop: stop.signal,
    onPreload: (done, days) => {
      if (done >= days) stop.abort()
    },
    sleep: async () => undefined,
  })
  await generator.run(endMs)
  const data = join(folder, 'train.parquet')
  const asked = { kind: 'cutoffs', text: cutoffs, instants: parseCutoffs(cutoffs) } as const
  const report = await writeTrainingSet({ app, log, asked, out: data })
  console.log(`${report.records} synthetic records, ${report.rows} rows, ${report.labelled} labels`)
  await log.close()
  const python = execFileSync('bash', [join(root, 'trainer/setup.sh')], { encoding: 'utf8' }).trim()
  const out = join(folder, 'bundles')
  const args = ['--data', data, '--out', out, '--name', 'churn-demo', '--version', '1']
  const how = ['--models', 'lr,xgb', '--test-cutoff', testCutoff, '--customer-value', customerValue]
  execFileSync(python, ['-m', 'tidemark_trainer', ...args, ...how], {
    cwd: join(root, 'trainer'),
    stdio: 'inherit',
  })
  const bundles = join(root, 'bundles/churn')
  await rm(bundles, { recursive: true, force: true })
  await cp(join(out, 'xgb'), join(bundles, 'champion'), { recursive: true })
  await cp(join(out, 'lr'), join(bundles, 'fallback'), { recursive: true })
} finally {
  await rm(folder, { recursive: true, force: true })
}
