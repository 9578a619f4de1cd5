import { join } from 'node:path'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { tempFolder } from '../support/temp-folder.js'
import { logConformance, type LogPlace } from './log.js'

for (const gaps of [false, true]) {
  logConformance(gaps ? 'memory log with gaps' : 'memory log', async () => {
    let survived: MemoryLog | null = null
    const place: LogPlace = {
      open: async (options = {}) => survived ?? new MemoryLog({ ...options, gaps }),
      crash: async (log) => {
        survived = (log as MemoryLog).crash()
      },
    }
    return place
  })
}

logConformance('embedded log', async () => {
  const directory = join(await tempFolder(), 'log')
  const place: LogPlace = {
    open: (options = {}) => EmbeddedLog.open(directory, options),
    // Inside one process LevelDB's lock has to be given back; crash.test.ts kills real ones.
    crash: (log) => log.close(),
  }
  return place
})
