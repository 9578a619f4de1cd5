/** Which model is in force in each partition, and since when: every position names its own. */
import type { ModelName } from '../events/output-rows.js'
import type { EventLog } from '../log/log.js'
import type { Position } from '../operators/position.js'
import { readPartition } from './read-log.js'

export interface ModelInForce {
  readonly partition: number
  readonly model: ModelName
  /** The first position of those without a break that name it. */
  readonly since: {
    readonly commit: number
    /** ms UTC. */
    readonly asOf: number
    /** Of the position, in the changelog. */
    readonly offset: number
  }
}

export interface ModelsAsked {
  readonly log: EventLog
  /** The topic of positions. */
  readonly changelog: string
  readonly signal: AbortSignal
  readonly onProgress: (records: number) => void
}

/**
 * Reads all positions; a partition without any has no entry. Where the log has deleted the older
 * ones, `since` is the first that is left.
 */
export async function modelsInForce(asked: ModelsAsked): Promise<ModelInForce[]> {
  const { log, changelog, signal, onProgress } = asked
  const found: ModelInForce[] = []
  let records = 0
  for (let partition = 0; partition < log.partitions(changelog); partition++) {
    let inForce: ModelInForce | null = null
    const end = await log.endOffset(changelog, partition)
    for await (const portion of readPartition(log, changelog, partition, end)) {
      signal.throwIfAborted()
      for (const { value, offset } of portion) {
        const { model, commit, asOf } = JSON.parse(value!.toString('utf8')) as Position
        if (inForce?.model.hash === model.hash) continue
        inForce = { partition, model, since: { commit, asOf, offset } }
      }
      records += portion.length
      onProgress(records)
    }
    if (inForce !== null) found.push(inForce)
  }
  return found
}
