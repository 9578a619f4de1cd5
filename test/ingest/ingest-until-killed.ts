/** Loads 12,000 orders into the log of a folder; a test kills it at a failpoint. */
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import { ingestSql } from '../../src/ingest/ingest.js'
import { app, ordersSql } from './support.js'

const [directory, file] = process.argv.slice(2)
const log = await EmbeddedLog.open(directory, { timeBase: { kind: 'none' } })
const report = await ingestSql({ app, log, files: [file], sql: ordersSql(12_000) })
process.stdout.write(`${report.rows}\n`)
await log.close()
