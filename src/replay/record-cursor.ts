import type { EventLog, LogReader, StoredRecord } from '../log/log.js'

/** Reads a partition up to one offset after the other. */
export class RecordCursor {
  private readonly reader: LogReader
  private ahead: readonly StoredRecord[] = []

  constructor(log: EventLog, topic: string, partition: number, fromOffset: number) {
    this.reader = log.reader(topic, partition, fromOffset)
  }

  /** The next records below `endOffset`, at most `max`; none where there are no more. */
  async take(endOffset: number, max: number): Promise<readonly StoredRecord[]> {
    if (this.ahead.length === 0) this.ahead = (await this.reader.poll(max, 0)).records
    let count = 0
    while (count < this.ahead.length && this.ahead[count].offset < endOffset) count++
    const taken = this.ahead.slice(0, count)
    this.ahead = this.ahead.slice(count)
    return taken
  }

  close(): Promise<void> {
    return this.reader.close()
  }
}
