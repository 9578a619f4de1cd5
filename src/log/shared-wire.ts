/**
 * What the process that has an embedded log open and those that read it through a local socket say.
 *
 *   both       'tidemark', u16 version: a first word that no version changes
 *   reader     u32 length, u8 request, u32 partition, f64 offset, topic; of a history u32 0, the commit
 *              before which (0: from the newest), and the customer
 *   owner      u32 length, u8 answer, body: a welcome, then an answer to each request in its order
 *     welcome  JSON: id, timeBase, partitions, now
 *     tail     f64 instant (NaN: none), f64 end, u8 settled, f64 erasures
 *     rows     of each: u32 length, key, u32 length, value; sealed as they lie in the database. Of a
 *              history the newest feature row under no key, then changes under their commits, newest
 *              first; none of a customer who is unknown
 *     takenOver  nothing
 *     failure  JSON: code, text, exit, retry. The last word of a connection.
 *
 * Numbers are little-endian, lengths are of what follows them. A reader waits for answers, or asks
 * ahead for a few; the owner answers one request of a connection before it reads the next.
 */
import type { Socket } from 'node:net'
import { TidemarkError } from '../errors.js'
import type { Rows } from './embedded-portions.js'
import type { TimeBase } from './log.js'
import type { TailView, TopicPartition } from './tails.js'

export const wireVersion = 2
const word = Buffer.from('tidemark')
export const greetingBytes = word.length + 2

/**
 * `settled` waits for the commits under way, then answers as `tail` does. `takeOver` has the
 * generation's number for an offset.
 */
export const request = {
  tail: 1,
  settled: 2,
  blocks: 3,
  erasures: 4,
  history: 5,
  takeOver: 6,
} as const
export const answer = { welcome: 1, tail: 2, rows: 3, failure: 4, takenOver: 5 } as const
export type RequestKind = (typeof request)[keyof typeof request]

/** A topic's name has 255 bytes at most, as in the keys of the database; a customer's id one more. */
export const requestBytesMax = 1 + 12 + 256
/** A portion of rows ends with the one that passes 1 MiB, and a block may have 1.5. */
export const answerBytesMax = 8 * 1024 * 1024

export interface Welcome {
  readonly id: string
  readonly timeBase: TimeBase
  readonly partitions: number
  /** ms UTC of the time base; null where the base is `none`. */
  readonly now: number | null
}

export interface Request {
  readonly kind: RequestKind
  /** Of a history the customer is in the place of the topic. */
  readonly at: TopicPartition
  readonly offset: number
}

/** What the owner's snapshots have of a customer. */
export interface StoredHistory {
  /** His newest feature row. */
  readonly row: Uint8Array
  /** Newest first. */
  readonly changes: readonly StoredChange[]
}

export interface StoredChange {
  readonly commit: number
  readonly bytes: Uint8Array
}

/** A portion of a history ends with the change that passes it; a change has at most a megabyte. */
const historyBytesMax = 1024 * 1024

export function greeting(version: number = wireVersion): Buffer {
  const bytes = Buffer.alloc(greetingBytes)
  word.copy(bytes)
  bytes.writeUInt16LE(version, word.length)
  return bytes
}

/** The version of a greeting; null where the bytes are none. */
export function greetedVersion(bytes: Buffer): number | null {
  return bytes.subarray(0, word.length).equals(word) ? bytes.readUInt16LE(word.length) : null
}

export function frame(kind: number, parts: readonly Buffer[]): Buffer {
  const head = Buffer.allocUnsafe(5)
  head.writeUInt32LE(1 + parts.reduce((sum, part) => sum + part.length, 0))
  head[4] = kind
  return Buffer.concat([head, ...parts])
}

export function requestFrame({ kind, at, offset }: Request): Buffer {
  const numbers = Buffer.allocUnsafe(12)
  numbers.writeUInt32LE(at.partition)
  numbers.writeDoubleLE(offset, 4)
  return frame(kind, [numbers, Buffer.from(at.topic)])
}

/** Null where the bytes are no request. */
export function parseRequest({ kind, body }: Frame): Request | null {
  if (body.length < 12 || !Object.values(request).some((known) => known === kind)) return null
  const at = { topic: body.toString('utf8', 12), partition: body.readUInt32LE(0) }
  const offset = body.readDoubleLE(4)
  if (!Number.isSafeInteger(offset) || offset < 0) return null
  return { kind: kind as RequestKind, at, offset }
}

export function jsonFrame(kind: number, value: object): Buffer {
  return frame(kind, [Buffer.from(JSON.stringify(value))])
}

export function failureFrame({ code, message, exit, retry }: TidemarkError): Buffer {
  return jsonFrame(answer.failure, { code, text: message, exit, retry })
}

export function failureIn(body: Buffer): TidemarkError {
  const { code, text, exit, retry } = JSON.parse(body.toString('utf8')) as Pick<
    TidemarkError,
    'code' | 'exit' | 'retry'
  > & { text: string }
  return new TidemarkError(code, text, { exit, retry })
}

export function tailFrame({ instant, end, isSettled, erasures }: TailView): Buffer {
  const body = Buffer.allocUnsafe(25)
  body.writeDoubleLE(instant ?? NaN)
  body.writeDoubleLE(end, 8)
  body[16] = isSettled ? 1 : 0
  body.writeDoubleLE(erasures, 17)
  return frame(answer.tail, [body])
}

export function tailIn(body: Buffer): TailView {
  const instant = body.readDoubleLE(0)
  return {
    instant: Number.isNaN(instant) ? null : instant,
    end: body.readDoubleLE(8),
    isSettled: body[16] === 1,
    erasures: body.readDoubleLE(17),
  }
}

export function rowsFrame(rows: Rows): Buffer {
  const parts: Buffer[] = []
  for (const row of rows) {
    for (const bytes of row) {
      const length = Buffer.allocUnsafe(4)
      length.writeUInt32LE(bytes.length)
      parts.push(length, bytes)
    }
  }
  return frame(answer.rows, parts)
}

export function rowsIn(body: Buffer): Rows {
  const rows: [Buffer, Buffer][] = []
  let at = 0
  const next = (): Buffer => {
    const start = at + 4
    at = start + body.readUInt32LE(at)
    return body.subarray(start, at)
  }
  while (at < body.length) rows.push([next(), next()])
  return rows
}

/** The answer about a customer: his row, and as many changes as a portion takes. */
export function historyFrame(history: StoredHistory | null, beforeCommit: number): Buffer {
  if (history === null) return rowsFrame([])
  const rows: [Buffer, Buffer][] = [[Buffer.alloc(0), Buffer.from(history.row)]]
  let bytes = 0
  for (const change of history.changes) {
    if (beforeCommit > 0 && change.commit >= beforeCommit) continue
    if (bytes > historyBytesMax) break
    const key = Buffer.alloc(8)
    key.writeDoubleLE(change.commit)
    rows.push([key, Buffer.from(change.bytes)])
    bytes += change.bytes.length
  }
  return rowsFrame(rows)
}

export function historyIn(body: Buffer): StoredHistory | null {
  const [first, ...rows] = rowsIn(body)
  if (first === undefined) return null
  const changes = rows.map(([key, bytes]) => ({ commit: key.readDoubleLE(0), bytes }))
  return { row: first[1], changes }
}

export interface Frame {
  readonly kind: number
  readonly body: Buffer
}

/** Takes exact numbers of bytes from a socket, which is read no further than that needs. */
export class SocketBytes {
  readonly #source: AsyncIterator<Buffer>
  #chunks: Buffer[] = []
  #length = 0

  constructor(socket: Socket) {
    this.#source = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** Null where the stream ends before. Raises what the socket raises. */
  async take(count: number): Promise<Buffer | null> {
    while (this.#length < count) {
      const { done, value } = await this.#source.next()
      if (done) return null
      this.#chunks.push(value)
      this.#length += value.length
    }
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
    this.#length -= count
    this.#chunks = this.#length === 0 ? [] : [all.subarray(count)]
    return all.subarray(0, count)
  }

  /** Null at the end, and where the next bytes make no frame of at most `bytesMax`. */
  async frame(bytesMax: number): Promise<Frame | null> {
    const head = await this.take(5)
    if (head === null) return null
    const length = head.readUInt32LE(0)
    if (length < 1 || length > bytesMax) return null
    const body = await this.take(length - 1)
    return body && { kind: head[4], body }
  }
}
