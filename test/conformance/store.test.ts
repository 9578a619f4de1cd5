import { LevelStoreHome } from '../../src/state/level-store-home.js'
import { MemoryStoreHome } from '../../src/state/memory-store.js'
import type { Store, StoreHome } from '../../src/state/store.js'
import { tempFolder } from '../support/temp-folder.js'
import { storeConformance, type StorePlace } from './store.js'

storeConformance('memory store', async () => {
  const home = new MemoryStoreHome()
  return { home, crash: async () => home.crash() }
})

storeConformance('LevelDB store', async () => {
  const directory = await tempFolder()
  const open = new Set<Store>()
  const level = new LevelStoreHome(directory, 'state')
  const home: StoreHome = {
    open: async (partition) => {
      const store = await level.open(partition)
      open.add(store)
      return store
    },
    setAside: (partition, reason) => level.setAside(partition, reason),
  }
  const place: StorePlace = {
    home,
    // Inside one process LevelDB's lock has to be given back; test/state kills real processes.
    crash: async () => {
      for (const store of open) await store.close()
      open.clear()
    },
  }
  return place
})
