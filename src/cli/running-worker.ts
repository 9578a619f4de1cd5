/**
 * A worker in which one generation may take over from another, when the generations' topic asks for it.
 *
 * Owns which one runs. Does not own what a generation is made of (`worker-generation.ts`), nor the
 * order in which its tasks begin and end (`topology/member.ts`).
 *
 * W1 The next one is open, all but its tasks, before the tasks of the one before are stopped: while it
 *    cannot be opened, that one goes on, and it is tried again.
 * W2 Lookups are answered throughout: by the one before until the tasks of the next have begun.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { CustomerState } from '../features/engine.js'
import type { NotReady } from '../serving/readiness.js'
import type { RunningMember } from '../topology/member.js'
import type { WorkerGeneration } from './worker-generation.js'

const lookEveryMs = 1_000
const retryAfterMs = 5_000

export interface AskedList {
  /** The number of the generation asked for, as of the last time it caught up. */
  readonly asked: number
  catchUp(): Promise<void>
}

export class RunningWorker {
  private readonly stopping = new AbortController()
  /** Ends the pause between two looks. */
  private waking = new AbortController()
  private readonly watching: Promise<void>
  private refusal: NotReady | null = null

  constructor(
    private now: WorkerGeneration,
    private readonly member: RunningMember<CustomerState>,
    private readonly list: AskedList,
    private readonly open: (number: number) => Promise<WorkerGeneration>,
    private readonly note: (text: string) => void,
    /** Told when another one runs. */
    private readonly switched: () => void,
  ) {
    this.watching = this.watch()
  }

  get current(): WorkerGeneration {
    return this.now
  }

  /** What is asked for and cannot be opened. */
  get notReady(): readonly NotReady[] {
    return this.refusal === null ? [] : [this.refusal]
  }

  /** Looks at once: somebody has seen that another generation is asked for. */
  wake(): void {
    this.waking.abort()
  }

  /** Nothing takes over any more when this resolves. */
  async settle(): Promise<void> {
    this.stopping.abort()
    this.waking.abort()
    await this.watching
  }

  private async watch(): Promise<void> {
    const { signal } = this.stopping
    while (!signal.aborted) {
      const pauseMs = (await this.look()) ? lookEveryMs : retryAfterMs
      await sleep(pauseMs, undefined, { signal: this.waking.signal }).catch(() => undefined)
      this.waking = new AbortController()
    }
  }

  /** false: what is asked for could not be opened. */
  private async look(): Promise<boolean> {
    const { signal } = this.stopping
    try {
      // Brokers that stand still must not hold up a stop.
      await unlessEnded(this.list.catchUp(), signal)
    } catch {
      // The tasks tell what is wrong with the log.
      return true
    }
    if (signal.aborted) return true
    if (this.list.asked === this.now.number) this.refusal = null
    else if (!(await this.takeOver(this.list.asked))) return false
    return true
  }

  private async takeOver(number: number): Promise<boolean> {
    const next = await this.opened(number)
    if (next === null) return false
    this.refusal = null
    const before = this.now
    // Where it fails the member ends, and tells why.
    const isSwitched = await this.member.switchTo(next.parts, next.stores).catch(() => false)
    const [left, closing] = isSwitched ? [before, retire(before)] : [next, Promise.resolve()]
    if (isSwitched) {
      this.now = next
      this.switched()
      this.note(`generation ${number} runs in place of ${before.number}`)
    }
    await closing.then(() => left.close()).catch((error: unknown) => this.note(textOf(error)))
    return true
  }

  private async opened(number: number): Promise<WorkerGeneration | null> {
    try {
      return await this.open(number)
    } catch (error) {
      const text = `generation ${number} is asked for and cannot be opened: ${textOf(error)}`
      if (this.refusal?.text !== text) this.note(text)
      this.refusal = { code: 'GENERATION_REFUSED', text }
      return null
    }
  }
}

/** Nobody looks after its rows any more: whoever still reads them is told that nothing proves them. */
async function retire({ parts }: WorkerGeneration): Promise<void> {
  const { snapshots, log, topics } = parts
  for (let partition = 0; partition < log.partitions(topics.events); partition++) {
    const proof = snapshots.proof(partition)
    const cursor = proof === null ? null : await snapshots.cursor(partition)
    if (proof === null || cursor === null) continue
    await snapshots.put([], { ...proof, caughtUp: false }, cursor)
  }
}

/** As `work`, or at once where the signal comes first. */
function unlessEnded(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => resolve()
    signal.addEventListener('abort', end, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  })
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as Error & { readonly code?: string }
  return code === undefined ? error.message : `${code}: ${error.message}`
}
