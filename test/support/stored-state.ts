/** What a partition's store holds, believed only after a full scan. */
import { parseStored, type StoredPosition } from '../../src/state/proof.js'
import { openOverlay } from '../../src/state/restore.js'
import type { StateCodec } from '../../src/state/codec.js'
import type { StoreHome } from '../../src/state/store.js'
import type { Position } from '../../src/operators/position.js'

/**
 * The position record of the store, whose digest a scan has confirmed; null: it is new, or on its way
 * from one commit to another, and so of neither.
 */
export async function storedState<S>(
  home: StoreHome,
  partition: number,
  codec: StateCodec<S>,
): Promise<StoredPosition<Position> | null> {
  const store = await home.open(partition)
  try {
    const held = parseStored<Position>(await store.position())
    if (held?.followed?.isPartial === true) return null
    await openOverlay(store, codec, { hotBytesMax: 0 }, () => undefined)
    return held
  } finally {
    await store.close()
  }
}
