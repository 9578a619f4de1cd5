/**
 * Serves an embedded log to other processes of this machine, for reading only, over a local socket.
 *
 * Owns connections and their bounds. Does not own where the socket lies, nor what readers make of
 * the rows: they are sent as they lie and checked by who asked, so that serving costs the owner a
 * read and a copy.
 *
 * S1 One portion of rows is read at a time, whoever asks; a connection holds one answer at most and
 *    gets the next when that is taken. So memory is bounded by `connectionsMax` answers.
 * S2 Nothing that a reader sends or leaves out ends the owner, or keeps its place for ever.
 * S3 Before its log is closed, readers are told so.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { TidemarkError, exitCode } from '../errors.js'
import { failpoint } from '../failpoint.js'
import type { EmbeddedLog } from './embedded-log.js'
import {
  answer,
  failureFrame,
  frame,
  greetedVersion,
  greeting,
  greetingBytes,
  historyFrame,
  jsonFrame,
  parseRequest,
  request,
  type Request,
  requestBytesMax,
  rowsFrame,
  SocketBytes,
  type StoredHistory,
  tailFrame,
  type Welcome,
  wireVersion,
} from './shared-wire.js'

/** More readers at once are refused. */
export const connectionsMax = 16
/** A reader that has not said who it is by then is cut off. */
const greetingMs = 10_000
/** A reader that does not take its answer for so long is cut off; thinking is not limited. */
const stalledMs = 60_000
/** How long readers get to take the last word. */
const farewellMs = 1_000

export interface LogServerOptions {
  /** Told of an error that is our fault; the reader is cut off, the owner goes on. */
  readonly onFault: (error: unknown) => void
  /** What the snapshots have of a customer; null: they know none. */
  readonly history: (customer: string) => Promise<StoredHistory | null>
  /** Lets a generation take over; resolves when the one before has ended. Without it none may. */
  readonly takeOver?: (generation: number) => Promise<void>
}

export class LogServer {
  readonly #sockets = new Set<Socket>()
  #reading: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor(
    private readonly log: EmbeddedLog,
    private readonly server: Server,
    private readonly options: LogServerOptions,
  ) {
    server.on('connection', (socket) => void this.#accept(socket))
  }

  /**
   * Listens at `path`, where nothing may be, for this user only. Raises what the system raises, with
   * its `code`: EADDRINUSE, EACCES, EPERM.
   */
  static async listen(
    log: EmbeddedLog,
    path: string,
    options: LogServerOptions,
  ): Promise<LogServer> {
    const server = createServer()
    const listening = new Promise<void>((resolve, reject) => {
      server.once('listening', resolve)
      server.once('error', reject)
    })
    // The socket is made in this call: between that and a chmod anybody could connect.
    const mask = process.umask(0o177)
    try {
      server.listen(path)
    } finally {
      process.umask(mask)
    }
    await listening
    // A connection that could not be accepted, for want of descriptors, is no fault of the owner's.
    server.on('error', options.onFault)
    return new LogServer(log, server, options)
  }

  /** Tells the readers, and removes the socket. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const closed = new Promise((resolve) => this.server.close(resolve))
    for (const socket of this.#sockets) socket.end(failureFrame(ownerStopped()))
    const cutOff = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, farewellMs)
    await closed
    clearTimeout(cutOff)
    await this.#reading.catch(() => undefined)
  }

  async #accept(socket: Socket): Promise<void> {
    // What goes wrong with a connection is met where it is read or written.
    socket.on('error', () => undefined)
    socket.on('timeout', () => socket.destroy())
    if (this.#closed || this.#sockets.size >= connectionsMax) {
      socket.setTimeout(farewellMs)
      // Read to its end: closing over unread bytes would take the answer back.
      socket.resume().end(Buffer.concat([greeting(), failureFrame(busy())]))
      return
    }
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    try {
      await this.#serve(socket)
    } catch {
      // The reader has gone, or was cut off: nobody is left to be told.
    } finally {
      socket.destroy()
    }
  }

  async #serve(socket: Socket): Promise<void> {
    const bytes = new SocketBytes(socket)
    socket.setTimeout(greetingMs)
    const greeted = await bytes.take(greetingBytes)
    const version = greeted && greetedVersion(greeted)
    if (version === null) return
    await sent(socket, greeting())
    if (version === wireVersion) await sent(socket, jsonFrame(answer.welcome, this.#welcome()))
    else socket.end()
    for (;;) {
      if (!socket.writableEnded) socket.setTimeout(0)
      const next = await bytes.frame(requestBytesMax)
      const asked = next && parseRequest(next)
      if (asked === null || asked.at.partition >= this.#partitions) return
      const answered = socket.writableEnded ? null : await this.#answer(asked)
      // Behind a last word what was asked ahead is read and not answered.
      if (answered === null || socket.writableEnded) continue
      socket.setTimeout(stalledMs)
      failpoint('shared.before-answer')
      if (answered.isLast) socket.end(answered.bytes)
      else await sent(socket, answered.bytes)
    }
  }

  /** Every topic of an embedded log has as many. */
  get #partitions(): number {
    return this.log.partitions('')
  }

  #welcome(): Welcome {
    const { id, timeBase } = this.log
    return { id, timeBase, partitions: this.#partitions, now: this.log.now() }
  }

  async #answer(asked: Request): Promise<{ bytes: Buffer; isLast: boolean }> {
    try {
      return { bytes: await this.#answerFrame(asked), isLast: false }
    } catch (error) {
      if (error instanceof TidemarkError) return { bytes: failureFrame(error), isLast: true }
      this.options.onFault(error)
      throw error
    }
  }

  async #answerFrame({ kind, at, offset }: Request): Promise<Buffer> {
    const { topic, partition } = at
    if (kind === request.tail) return tailFrame(this.log.tail(topic, partition))
    if (kind === request.takeOver) {
      const { takeOver } = this.options
      if (takeOver === undefined) throw notHere()
      await takeOver(offset)
      return frame(answer.takenOver, [])
    }
    if (kind === request.settled) {
      await this.log.endOffset(topic, partition)
      return tailFrame(this.log.tail(topic, partition))
    }
    if (kind === request.history) {
      return historyFrame(await this.#inTurn(() => this.options.history(topic)), offset)
    }
    const rowKind = kind === request.blocks ? 'block' : 'erasure'
    return rowsFrame(await this.#inTurn(() => this.log.rows(rowKind, at, offset)))
  }

  /** Keeps S1. */
  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const reading = this.#reading.catch(() => undefined).then(read)
    this.#reading = reading
    return reading
  }
}

/** Resolves when the system has taken all bytes. */
function sent(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}

function notHere(): TidemarkError {
  const text = 'the process that has the data directory open runs no generation; stop it first'
  return new TidemarkError('OWNER_NO_ENGINE', text, { exit: exitCode.configuration })
}

function ownerStopped(): TidemarkError {
  const text = 'the process that has the data directory open was stopped; run this again'
  return new TidemarkError('STOPPED', text, { exit: exitCode.tryAgain, retry: 'now' })
}

function busy(): TidemarkError {
  const text = `${connectionsMax} commands are reading the data directory already; run this later`
  return new TidemarkError('OWNER_BUSY', text, { exit: exitCode.tryAgain, retry: 'later' })
}
