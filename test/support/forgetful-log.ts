/** A log that deletes what is archived of its input, as brokers do, whenever somebody reads. */
import { join } from 'node:path'
import { configurationError } from '../../src/errors.js'
import { Archive } from '../../src/log/archive.js'
import { ArchivedLog } from '../../src/log/archived-log.js'
import type { ArchiveWriter } from '../../src/log/archive-writer.js'
import type { EventLog, LogReader, Poll } from '../../src/log/log.js'
import type { OpenLog } from '../conformance/log.js'
import { seededRandom } from './random.js'

/** The rest of the log, and of its input only what was not deleted. */
class ForgetfulLog {
  private readonly starts = new Map<number, number>()

  constructor(
    readonly log: EventLog,
    readonly topic: string,
  ) {}

  delete(partition: number, before: number): void {
    this.starts.set(partition, Math.max(before, this.starts.get(partition) ?? 0))
  }

  get proxy(): EventLog {
    return new Proxy(this.log, {
      get: (log, name: keyof EventLog) => {
        const own = this[name as keyof ForgetfulLog] as unknown
        const member = typeof own === 'function' ? own : log[name]
        return typeof member === 'function'
          ? (member as () => unknown).bind(typeof own === 'function' ? this : log)
          : member
      },
    })
  }

  async startOffset(topic: string, partition: number): Promise<number> {
    const start = await this.log.startOffset(topic, partition)
    return topic === this.topic ? Math.max(start, this.starts.get(partition) ?? 0) : start
  }

  async last(topic: string, partition: number) {
    const last = await this.log.last(topic, partition)
    return last !== null && last.offset < (await this.startOffset(topic, partition)) ? null : last
  }

  async erasures(topic: string, partition: number, endOffset: number) {
    const start = await this.startOffset(topic, partition)
    const found = await this.log.erasures(topic, partition, endOffset)
    return new Map([...found].filter(([, offset]) => offset >= start))
  }

  reader(topic: string, partition: number, fromOffset: number): LogReader {
    const reader = this.log.reader(topic, partition, fromOffset)
    if (topic !== this.topic) return reader
    const poll = async (recordsMax: number, waitMs: number): Promise<Poll> => {
      const start = this.starts.get(partition) ?? 0
      if (reader.nextOffset >= start) return reader.poll(recordsMax, waitMs)
      const text = `offset ${reader.nextOffset} was asked for; the log has ${start} and more`
      throw configurationError('LOG_RANGE_LOST', text)
    }
    return {
      get nextOffset() {
        return reader.nextOffset
      },
      poll,
      close: () => reader.close(),
    }
  }
}

/** What is asked of a partition, beside its readers. */
const asked = new Set(['startOffset', 'endOffset', 'last', 'erasures'])

/** Archives and deletes at random before reads of `topic`. */
export async function archivedLog(log: OpenLog, topic: string, folder: string): Promise<OpenLog> {
  const forgetful = new ForgetfulLog(log, topic)
  const live = forgetful.proxy
  const partitions = log.partitions(topic)
  const archive = await Archive.begin(join(folder, 'archive'), { logId: log.id, topic, partitions })
  const joined = new ArchivedLog(live, topic, archive)
  const random = seededRandom(partitions)
  const options = { segmentBytes: 3_000, segmentMs: 1e9, clock: () => 0 }
  const writers = new Map<number, ArchiveWriter>()
  let turn: Promise<unknown> = Promise.resolve()
  const forget = (partition: number): Promise<void> => {
    const next = turn.then(async () => {
      if (random.below(3) === 0) return
      const writer = writers.get(partition) ?? (await archive.writer(partition, options, 0))
      writers.set(partition, writer)
      await archiveAll(log, topic, partition, writer)
      forgetful.delete(partition, random.below(2) === 0 ? writer.to : random.below(writer.to + 1))
    })
    turn = next.catch(() => undefined)
    return next
  }
  const reader = (of: string, partition: number, fromOffset: number): LogReader => {
    const inner = joined.reader(of, partition, fromOffset)
    if (of !== topic) return inner
    let isClosed = false
    return {
      get nextOffset() {
        return inner.nextOffset
      },
      poll: async (recordsMax, waitMs) => {
        const wasClosed = isClosed
        await forget(partition)
        // As if it had waited within.
        if (isClosed && !wasClosed) return { records: [], caughtUpAt: null, atEnd: false }
        return inner.poll(recordsMax, waitMs)
      },
      close: () => {
        isClosed = true
        return inner.close()
      },
    }
  }
  return new Proxy(joined as unknown as OpenLog, {
    get: (_, name: string) => {
      if (name === 'reader') return reader
      if (name === 'resumeAt') return log.resumeAt.bind(log)
      if (name === 'close') {
        return async () => {
          await turn
          for (const writer of writers.values()) await writer.close()
          writers.clear()
          await joined.close()
        }
      }
      const member = joined[name as keyof ArchivedLog] as unknown
      if (typeof member !== 'function') return member
      const call = (...args: unknown[]): unknown =>
        (member as (...all: unknown[]) => unknown).apply(joined, args)
      if (!asked.has(name)) return call
      return async (...args: unknown[]) => {
        if (args[0] === topic) await forget(args[1] as number)
        return call(...args)
      }
    },
  })
}

/** All that the log has, in blocks of a few records. */
export async function archiveAll(
  log: EventLog,
  topic: string,
  partition: number,
  writer: ArchiveWriter,
): Promise<void> {
  const reader = log.reader(topic, partition, writer.to)
  for (let atEnd = false; !atEnd;) {
    const poll = await reader.poll(50, 0)
    if (reader.nextOffset > writer.to) await writer.append(poll.records, reader.nextOffset)
    atEnd = poll.atEnd
  }
  await reader.close()
}
