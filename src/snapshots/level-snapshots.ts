import { LevelStoreHome } from '../state/level-store-home.js'
import { StoredSnapshots, type StoredSnapshotsOptions } from './stored-snapshots.js'

/**
 * The snapshot store on LevelDB, in `<directory>/0`, created where there is none.
 *
 * @example
 * const snapshots = await openLevelSnapshots('data/snapshots', { onDamage: (text) => warn(text) })
 */
export function openLevelSnapshots(
  directory: string,
  options: StoredSnapshotsOptions = {},
): Promise<StoredSnapshots> {
  return StoredSnapshots.open(new LevelStoreHome(directory, 'snapshots'), options)
}
