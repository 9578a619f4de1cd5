/** When a partition that failed is opened again, and when that is given up. */
import { TidemarkError } from '../errors.js'
import type { EngineSettings } from './settings.js'

/** The longest pause; and how long a partition must have been open for its failures to be past. */
const pauseMsMax = 60_000

/**
 * The failures of one partition in a row: each doubles the pause before the next opening. A commit
 * does not end the row, for a store on a bad disk may open, commit and break again for ever, and
 * each time leave a copy of itself.
 */
export class Recovery {
  /** Why the store must be set aside before it is opened; null: it need not. */
  damaged: string | null = null
  private failures = 0
  private openedMs: number | null = null

  constructor(
    private readonly partition: number,
    private readonly settings: Pick<
      EngineSettings,
      'retryAfterMs' | 'retriesMax' | 'wallClock' | 'lostRange'
    >,
    private readonly note: (text: string) => void,
  ) {}

  opened(): void {
    this.damaged = null
    this.openedMs = this.settings.wallClock()
  }

  /** How many ms to wait. Throws what ends the partition. */
  failed(error: unknown): number {
    const { retryAfterMs, retriesMax, wallClock } = this.settings
    const openMs = this.openedMs === null ? 0 : wallClock() - this.openedMs
    this.openedMs = null
    const known = error instanceof TidemarkError ? error : null
    if (known?.code === 'STORE_DAMAGED') this.damaged = known.message
    else if (known === null || (known.retry === 'never' && !this.isPassed(known))) throw error
    if (openMs >= pauseMsMax) this.failures = 0
    if (this.failures === retriesMax) throw givenUp(this.partition, known, retriesMax)
    const pauseMs = Math.min(pauseMsMax, retryAfterMs * 2 ** this.failures++)
    const which = `failure ${this.failures} of at most ${retriesMax} in a row`
    const when = `is opened again in ${pauseMs / 1000} s (${which})`
    this.note(`partition ${this.partition} ${when}: ${known.code}: ${known.message}`)
    return pauseMs
  }

  /** What the next opening goes on behind. */
  private isPassed({ code }: TidemarkError): boolean {
    return code === 'LOG_RANGE_LOST' && this.settings.lostRange === 'earliest'
  }
}

function givenUp(partition: number, last: TidemarkError, retries: number): TidemarkError {
  const { code, message, exit } = last
  const text = `partition ${partition} was opened again ${retries} times and failed each time: ${message}`
  return new TidemarkError(code, text, { exit, retry: 'never', cause: last })
}
