import type { EngineStatus } from '../topology/status.js'

export interface NotReady {
  readonly code: string
  readonly text: string
  readonly partition?: number
}

/** Why lookups can't be relied upon yet; empty where they can. Being behind is not among them. */
export function notReadyReasons(status: EngineStatus): NotReady[] {
  const reasons: NotReady[] = []
  if (status.state === 'starting') reasons.push({ code: 'STARTING', text: 'the engine starts' })
  if (status.state === 'stopping') reasons.push({ code: 'STOPPING', text: 'the engine stops' })
  if (status.state === 'failed') {
    reasons.push({ code: 'FAILED', text: status.failure ?? 'the engine failed' })
  }
  for (const { partition, restoring } of status.partitions) {
    if (restoring === null) continue
    const text = `partition ${partition} restores: ${restoring.done} of ${restoring.total} records`
    reasons.push({ code: 'RESTORING', text, partition })
  }
  if (status.state === 'restoring' && !reasons.some((reason) => reason.code === 'RESTORING')) {
    reasons.push({ code: 'RESTORING', text: 'the engine restores its state' })
  }
  return reasons
}
