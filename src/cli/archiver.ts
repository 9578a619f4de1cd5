/** Follows all partitions of a topic into its archive, through every failure that passes. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { TidemarkError } from '../errors.js'
import type { Archive } from '../log/archive.js'
import { followInto, type FollowOptions } from '../log/archive-follow.js'
import type { ArchiveWriter, ArchiveWriterOptions } from '../log/archive-writer.js'
import type { EventLog } from '../log/log.js'
import type { ArchivedPartition } from '../monitoring/archive-metrics.js'
import { Recovery } from '../topology/recovery.js'
import { defaultSettings } from '../topology/settings.js'

export interface ArchiverParts {
  readonly log: EventLog
  readonly topic: string
  readonly archive: Archive
  readonly writing: ArchiveWriterOptions
  readonly pace?: ArchiverPace
  /** Told of what a person would want to read in a log. */
  note(text: string): void
}

/** `blockMs` is also how far the archive is behind the log. */
type ArchiverPace = Pick<FollowOptions, 'blockBytes' | 'blockMs' | 'pollRecordsMax'>

const defaultPace: ArchiverPace = { blockBytes: 1024 * 1024, blockMs: 1_000, pollRecordsMax: 1024 }
const lookEveryMs = 5_000

export class Archiver {
  readonly #partitions: ArchivedOne[]

  constructor(readonly parts: ArchiverParts) {
    const count = parts.log.partitions(parts.topic)
    this.#partitions = Array.from({ length: count }, (_, p) => new ArchivedOne(parts, p))
  }

  status(): readonly ArchivedPartition[] {
    return this.#partitions.map((it) => it.status())
  }

  /** Runs until told to stop. The first failure that does not pass ends all, and is thrown. */
  async run(stop: AbortSignal): Promise<void> {
    const ended = new AbortController()
    const signal = AbortSignal.any([stop, ended.signal])
    const look = setInterval(() => {
      for (const it of this.#partitions) void it.look()
    }, lookEveryMs)
    let failure: { readonly error: unknown } | null = null
    const running = this.#partitions.map((it) =>
      it.run(signal).catch((error: unknown) => {
        failure ??= { error }
        ended.abort()
      }),
    )
    await Promise.all(running)
    clearInterval(look)
    if (failure !== null) throw (failure as { readonly error: unknown }).error
  }
}

class ArchivedOne {
  #writer: ArchiveWriter | null = null
  #last = { endOffset: 0, segments: 0, bytes: 0 }
  #logEndOffset: number | null = null
  readonly #failures: Record<string, number> = {}

  constructor(
    readonly parts: ArchiverParts,
    readonly partition: number,
  ) {}

  status(): ArchivedPartition {
    const { partition } = this
    const failures = { ...this.#failures }
    return { partition, ...this.#last, logEndOffset: this.#logEndOffset, failures }
  }

  async run(stop: AbortSignal): Promise<void> {
    const note = (text: string) => this.parts.note(text)
    const recovery = new Recovery(this.partition, defaultSettings, note)
    while (!stop.aborted) {
      try {
        await this.#follow(recovery, stop)
      } catch (error) {
        const pauseMs = recovery.failed(error)
        const { code } = error as TidemarkError
        this.#failures[code] = (this.#failures[code] ?? 0) + 1
        await sleep(pauseMs, null, { signal: stop }).catch(() => undefined)
      }
    }
  }

  /** Asks for the end of the log. */
  async look(): Promise<void> {
    const { log, topic } = this.parts
    // Where the log does not answer, its reader tells why.
    await log.endOffset(topic, this.partition).then(
      (end) => (this.#logEndOffset = end),
      () => undefined,
    )
  }

  async #follow(recovery: Recovery, stop: AbortSignal): Promise<void> {
    const { log, topic, archive, writing, pace = defaultPace } = this.parts
    const { partition } = this
    const start = await log.startOffset(topic, partition)
    const writer = await archive.writer(partition, writing, start)
    this.#writer = writer
    recovery.opened()
    this.#measure()
    try {
      const added = () => this.#measure()
      const { clock } = writing
      await followInto(writer, log, { topic, partition, ...pace, clock, added, stop })
    } finally {
      await writer.close()
    }
  }

  #measure(): void {
    const { to, segments, bytes } = this.#writer!
    this.#last = { endOffset: to, segments, bytes }
  }
}
