/** `tidemark worker` as everybody runs it, and what it says of itself. */
import { readFile } from 'node:fs/promises'
import { Binary, type BinaryEnd } from '../binary.js'

export interface Followed {
  readonly partition: number
  readonly offsets: number
  readonly from: number
}

export class Worker {
  readonly startedMs = performance.now()
  endedMs: number | null = null
  readonly ended: Promise<BinaryEnd>
  private readonly binary: Binary

  constructor(
    readonly slot: number,
    config: string,
    failpoint: string | null,
    by: readonly string[] = [],
  ) {
    const env = { FAILPOINT: failpoint ?? '' }
    const args = ['worker', '--config', config, '--json', '--log-format', 'human']
    this.binary = new Binary(args, { env, by })
    this.ended = this.binary.ended.then((end) => {
      this.endedMs = performance.now()
      return end
    })
  }

  get pid(): number {
    return this.binary.pid
  }

  get notes(): string {
    return this.binary.stderr
  }

  get isRunning(): boolean {
    return this.endedMs === null
  }

  /** Those that the group has given it last. */
  get partitions(): number[] {
    const last = [...this.notes.matchAll(/partitions of this member: (.*)/g)].at(-1)?.[1] ?? 'none'
    return last === 'none' ? [] : last.split(', ').map(Number)
  }

  /** What each opening had to copy of the state. */
  get followed(): Followed[] {
    const form =
      /store of partition (\d+) has followed (\d+) offsets of the state in .* from (\d+) on/g
    return [...this.notes.matchAll(form)].map(([, partition, offsets, from]) => {
      return { partition: Number(partition), offsets: Number(offsets), from: Number(from) }
    })
  }

  /** Whether a signal has stopped it, to be continued. */
  async isFrozen(): Promise<boolean> {
    const stat = await readFile(`/proc/${this.binary.pid}/stat`, 'utf8').catch(() => '')
    return /\) T /.test(stat)
  }

  signal(name: NodeJS.Signals): void {
    this.binary.kill(name)
  }

  async end(): Promise<void> {
    if (this.isRunning) {
      this.binary.kill('SIGCONT')
      this.binary.kill('SIGKILL')
    }
    await this.ended
  }
}
