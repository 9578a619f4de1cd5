/** A log that is written where it is open and read through its local socket, as if it were one. */
import { join } from 'node:path'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import type { EventLog, LogReader, StoredRecord, Transaction } from '../../src/log/log.js'
import { SharedLog } from '../../src/log/shared-log.js'
import { LogServer } from '../../src/log/shared-server.js'
import type { LogPlace, OpenLog } from '../conformance/log.js'
import { tempFolder } from './temp-folder.js'

export class LogBesideItsReader implements OpenLog {
  private constructor(
    readonly owner: EmbeddedLog,
    readonly server: LogServer,
    readonly shared: EventLog,
  ) {}

  static async open(owner: EmbeddedLog, path: string): Promise<LogBesideItsReader> {
    const server = await LogServer.listen(owner, path, {
      onFault: failed,
      history: async () => null,
    })
    const shared = await SharedLog.open(path)
    if (shared === null) throw new Error(`nobody listens at ${path}`)
    return new LogBesideItsReader(owner, server, shared)
  }

  get id(): string {
    return this.shared.id
  }
  get timeBase() {
    return this.shared.timeBase
  }
  partitions(topic: string): number {
    return this.shared.partitions(topic)
  }
  startOffset(topic: string, partition: number): Promise<number> {
    return this.shared.startOffset(topic, partition)
  }
  endOffset(topic: string, partition: number): Promise<number> {
    return this.shared.endOffset(topic, partition)
  }
  reader(topic: string, partition: number, fromOffset: number): LogReader {
    return this.shared.reader(topic, partition, fromOffset)
  }
  last(topic: string, partition: number): Promise<StoredRecord | null> {
    return this.shared.last(topic, partition)
  }
  erasures(topic: string, partition: number, end: number): Promise<Map<string, number>> {
    return this.shared.erasures(topic, partition, end)
  }

  /** The owner's, whose clock a test may set. */
  now(): number | null {
    return this.owner.now()
  }
  resumeAt(instant: number): void {
    this.owner.resumeAt(instant)
  }
  begin(id: string): Transaction {
    return this.owner.begin(id)
  }
  fence(id: string): Promise<void> {
    return this.owner.fence(id)
  }

  async close(): Promise<void> {
    await this.shared.close()
    await this.server.close()
    await this.owner.close()
  }
}

function failed(error: unknown): void {
  throw error
}

export async function sharedPlace(): Promise<LogPlace> {
  const folder = await tempFolder()
  return {
    open: async (options = {}) => {
      const owner = await EmbeddedLog.open(join(folder, 'log'), options)
      return LogBesideItsReader.open(owner, join(folder, 'owner.sock'))
    },
    crash: (log) => log.close(),
  }
}
