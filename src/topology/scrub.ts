/** The scrub of a partition's state in the background, while it runs. */
import { setTimeout as pause } from 'node:timers/promises'
import { Observable } from 'rxjs'
import { TidemarkError } from '../errors.js'
import { type ScrubbedStore, scrubStore } from '../state/scrub.js'
import type { Store } from '../state/store.js'
import type { EngineSettings } from './settings.js'

/**
 * Scrubs the store every `scrubEveryMs` for as long as it is subscribed. Errors with
 * `STORE_DAMAGED`; emits and ends with nothing. A pass that failed for want of room is left out, as
 * the time of the last proof shows. Between two slices it rests for as long as makes
 * the slice its share of the time.
 */
export function scrub<P>(
  store: Store,
  settings: Pick<EngineSettings, 'scrubEveryMs' | 'scrubShare'>,
  proved: (found: ScrubbedStore<P>) => void,
): Observable<never> {
  return new Observable((subscriber) => {
    const end = new AbortController()
    const rest = paced(settings.scrubShare, end.signal)
    const passes = async (): Promise<void> => {
      while (await slept(settings.scrubEveryMs, end.signal)) {
        const found = await scrubStore<P>(store, rest).catch(unlessLater)
        if (found !== null) proved(found)
      }
    }
    passes().catch((error: unknown) => subscriber.error(error))
    return () => end.abort()
  })
}

/** What the machine lacks for a scrub, room for a copy say, is no reason to end the partition. */
function unlessLater(error: unknown): null {
  if (error instanceof TidemarkError && error.retry === 'later') return null
  throw error
}

/** Answers false once it is to end. */
function paced(share: number, end: AbortSignal): () => Promise<boolean> {
  let wokeMs = performance.now()
  return async () => {
    // After a pause between two passes the first slice would seem to have taken a day.
    const tookMs = Math.min(100, performance.now() - wokeMs)
    const goesOn = await slept(tookMs * (1 / share - 1), end)
    wokeMs = performance.now()
    return goesOn
  }
}

async function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  // Unreferenced: a scrub keeps no process alive.
  await pause(ms, undefined, { signal, ref: false }).catch(() => undefined)
  return !signal.aborted
}
