import { MemoryStoreHome } from '../state/memory-store.js'
import { StoredSnapshots, type StoredSnapshotsOptions } from './stored-snapshots.js'

/**
 * The snapshot store in memory, for tests and the simulation. `home` is the disk: opened again over
 * the same one, it holds what was flushed.
 *
 * @example const snapshots = await openMemorySnapshots()
 */
export function openMemorySnapshots(
  home: MemoryStoreHome = new MemoryStoreHome(),
  options: StoredSnapshotsOptions = {},
): Promise<StoredSnapshots> {
  return StoredSnapshots.open(home, options)
}
