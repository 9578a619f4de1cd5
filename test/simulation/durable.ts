/** What the stores are found to hold while no process runs, kept for the oracle. */
import type { TidemarkError } from '../../src/errors.js'
import { SnapshotProgress } from '../../src/snapshots/snapshot-progress.js'
import type { StateCodec } from '../../src/state/codec.js'
import type { MemoryStoreHome } from '../../src/state/memory-store.js'
import type { Outputs } from '../support/outputs.js'
import { storedState } from '../support/stored-state.js'
import type { Mark } from './fold.js'

export interface Disks<S> {
  readonly home: MemoryStoreHome
  readonly snapshotHome: MemoryStoreHome
  readonly partitions: number
  readonly codec: StateCodec<S>
  /** Whether a store may be damaged: somebody has harmed one. */
  readonly harmed: boolean
}

export class Durable {
  private readonly stores = new Map<number, Mark[]>()
  /** `partition commit featuresOffset scoresOffset` of each durable cursor of the snapshots. */
  private readonly cursors = new Set<string>()

  /** What the stores of a partition held. */
  marks(partition: number): readonly Mark[] {
    return this.stores.get(partition) ?? []
  }

  async look<S>({ home, snapshotHome, partitions, codec, harmed }: Disks<S>): Promise<void> {
    for (let partition = 0; partition < partitions; partition++) {
      const stored = await unlessHarmed(harmed, () => storedState(home, partition, codec))
      if (stored === null) continue
      const { digest, customers } = stored
      const mark = { endOffset: stored.position.endOffset, digest, customers }
      this.stores.set(partition, [...this.marks(partition), mark])
    }
    const bytes = await unlessHarmed(harmed, async () => {
      const disk = await snapshotHome.open(0)
      const position = await disk.position()
      await disk.close()
      return position
    })
    const progress = SnapshotProgress.decode(bytes)
    for (let partition = 0; partition < partitions; partition++) {
      const cursor = progress.of(partition).durable
      if (cursor === null) continue
      const { commit, featuresOffset, scoresOffset } = cursor
      this.cursors.add(`${partition} ${commit} ${featuresOffset} ${scoresOffset}`)
    }
  }

  /** A cursor stands behind all rows of its commit and before all others. */
  cursorFaults({ partition, pairs }: Outputs): string[] {
    const faults: string[] = []
    for (const text of this.cursors) {
      const [of, commit, ...offsets] = text.split(' ').map(Number)
      if (of !== partition) continue
      const due = pairs.filter((pair) => pair.commit <= commit).length
      if (offsets.some((offset) => offset !== due)) {
        faults.push(`a cursor of the snapshots is ${text}; ${due} rows are due`)
      }
    }
    return faults
  }
}

/** Null for a store that was harmed and not set aside yet; no other one may be damaged. */
async function unlessHarmed<T>(harmed: boolean, read: () => Promise<T | null>): Promise<T | null> {
  try {
    return await read()
  } catch (error) {
    if (!harmed || (error as TidemarkError).code !== 'STORE_DAMAGED') throw error
    return null
  }
}
