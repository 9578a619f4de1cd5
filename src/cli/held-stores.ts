import { readdir } from 'node:fs/promises'
import { TidemarkError } from '../errors.js'
import type { Position } from '../operators/position.js'
import type { LevelStoreHome } from '../state/level-store-home.js'
import { parseStored } from '../state/proof.js'

/** By partition, the last commit that each store on this disk holds of the log with this id. */
export async function heldStores(
  home: LevelStoreHome,
  logId: string,
): Promise<Map<number, number>> {
  const held = new Map<number, number>()
  for (const name of await readdir(home.directory).catch(() => [])) {
    if (!/^\d+$/.test(name)) continue
    const stored = await positionIn(home, Number(name))
    if (stored?.logId === logId) held.set(Number(name), stored.commit)
  }
  return held
}

/** null where there is none, or none that can be read: whoever runs the partition tells of that. */
async function positionIn(home: LevelStoreHome, partition: number): Promise<Position | null> {
  try {
    const store = await home.open(partition)
    try {
      return parseStored<Position>(await store.position())?.position ?? null
    } finally {
      await store.close()
    }
  } catch (error) {
    if (error instanceof TidemarkError) return null
    throw error
  }
}
