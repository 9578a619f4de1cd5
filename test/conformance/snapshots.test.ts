import { openLevelSnapshots } from '../../src/snapshots/level-snapshots.js'
import { openMemorySnapshots } from '../../src/snapshots/memory-snapshots.js'
import { StoredSnapshots } from '../../src/snapshots/stored-snapshots.js'
import { LevelStoreHome } from '../../src/state/level-store-home.js'
import { MemoryStoreHome } from '../../src/state/memory-store.js'
import type { Store } from '../../src/state/store.js'
import { tempFolder } from '../support/temp-folder.js'
import { madeUpHistory, snapshotsConformance } from './snapshots.js'

/** Nothing is flushed but on request, so that a crash has something to lose. */
const never = { schedule: () => {}, history: madeUpHistory, topEveryMs: 0 }

snapshotsConformance('memory snapshots', async () => {
  const home = new MemoryStoreHome()
  return { open: () => openMemorySnapshots(home, never), crash: async () => home.crash() }
})

snapshotsConformance('LevelDB snapshots', async () => {
  const directory = await tempFolder()
  const home = new LevelStoreHome(directory, 'snapshots')
  let store: Store | null = null
  const open = async (partition: number) => (store = await home.open(partition))
  const seam = { open, setAside: home.setAside.bind(home) }
  return {
    open: () => StoredSnapshots.open(seam, never),
    // The store below is closed without a flush of what waits in memory.
    crash: async () => store?.close(),
  }
})

snapshotsConformance('LevelDB snapshots that flush all the time', async () => {
  const directory = await tempFolder()
  const schedule = (run: () => void) => void setImmediate(run)
  const options = { schedule, flushBytesMax: 500, history: madeUpHistory, topEveryMs: 0 }
  let opened: StoredSnapshots | null = null
  return {
    open: async () => (opened = await openLevelSnapshots(directory, options)),
    crash: async () => opened?.close(),
  }
})
