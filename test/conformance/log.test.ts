import { join } from 'node:path'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { archivedLog } from '../support/forgetful-log.js'
import { sharedPlace } from '../support/shared-place.js'
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

logConformance('embedded log read through its socket', sharedPlace)

for (const topic of ['t', 'a', 'events']) {
  logConformance(`memory log that deletes what is archived of ${topic}`, async () => {
    const folder = await tempFolder()
    let live: MemoryLog | null = null
    const place: LogPlace = {
      open: async (options = {}) => {
        live ??= new MemoryLog({ ...options, gaps: true })
        return archivedLog(live, topic, folder)
      },
      crash: async (log) => {
        live = live!.crash()
        await log.close().catch(() => undefined)
      },
    }
    return place
  })
}
