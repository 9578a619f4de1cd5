/**
 * A reader's connection to the process that has an embedded log open.
 *
 * Requests may be made ahead; answers come in their order. The first failure is the connection's
 * last: every request that is waiting or made later is rejected with it.
 */
import { connect, type Socket } from 'node:net'
import { configurationError, exitCode, ioError, TidemarkError } from '../errors.js'
import { failpoint } from '../failpoint.js'
import {
  answer,
  answerBytesMax,
  failureIn,
  type Frame,
  greetedVersion,
  greeting,
  greetingBytes,
  type Request,
  requestFrame,
  SocketBytes,
  type Welcome,
  wireVersion,
} from './shared-wire.js'

/** An owner from which nothing comes for so long, although it was asked, is given up. */
const silentMs = 60_000

interface Waiting {
  readonly resolve: (body: Buffer) => void
  readonly reject: (error: TidemarkError) => void
}

export class SharedConnection {
  #failure: TidemarkError | null = null
  readonly #waiting: Waiting[] = []

  private constructor(
    private readonly socket: Socket,
    private readonly bytes: SocketBytes,
    readonly welcome: Welcome,
  ) {
    socket.on('timeout', () => {
      if (this.#waiting.length > 0) this.#fail(ownerSilent())
    })
    void this.#receive()
  }

  /**
   * Connects to the socket at `path`; null where nobody listens there.
   *
   * @throws TidemarkError FILE_FORBIDDEN (74), OWNER_VERSION (78), and with exit code 75 OWNER_BUSY,
   *   OWNER_LOST, OWNER_SILENT, STOPPED
   */
  static async open(path: string): Promise<SharedConnection | null> {
    const socket = await connected(path)
    if (socket === null) return null
    // Met where the socket is read.
    socket.on('error', () => undefined)
    let isSilent = false
    const silent = () => {
      isSilent = true
      socket.destroy()
    }
    socket.setTimeout(silentMs).on('timeout', silent)
    try {
      return await SharedConnection.#greet(socket)
    } catch (error) {
      socket.destroy()
      if (isSilent) throw ownerSilent()
      throw error instanceof TidemarkError ? error : ownerLost(error)
    } finally {
      socket.off('timeout', silent)
    }
  }

  static async #greet(socket: Socket): Promise<SharedConnection> {
    const bytes = new SocketBytes(socket)
    socket.write(greeting())
    const greeted = await bytes.take(greetingBytes)
    const version = greeted && greetedVersion(greeted)
    if (version === null) throw ownerLost()
    if (version !== wireVersion) throw otherVersion(version)
    const { body } = bodyDue(await bytes.frame(answerBytesMax))
    const welcome = JSON.parse(body.toString('utf8')) as Welcome
    return new SharedConnection(socket, bytes, welcome)
  }

  /** The body of the answer. Rejects with what ended the connection. */
  ask(asked: Request): Promise<Buffer> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.socket.write(requestFrame(asked))
      failpoint('shared.asked')
    })
  }

  close(): void {
    this.#fail(ioError('LOG_CLOSED', 'the log of the other process has been closed here'))
  }

  async #receive(): Promise<void> {
    try {
      for (;;) {
        const { body } = bodyDue(await this.bytes.frame(answerBytesMax))
        const waiting = this.#waiting.shift()
        if (waiting === undefined) throw ownerLost()
        waiting.resolve(body)
      }
    } catch (error) {
      this.#fail(error instanceof TidemarkError ? error : ownerLost(error))
    }
  }

  #fail(failure: TidemarkError): void {
    this.#failure ??= failure
    this.socket.destroy()
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure)
  }
}

function bodyDue(frame: Frame | null): Frame {
  if (frame === null) throw ownerLost()
  if (frame.kind === answer.failure) throw failureIn(frame.body)
  return frame
}

/** Null where nobody listens: no such file, none that is a socket, or one that a dead process left. */
function connected(path: string): Promise<Socket | null> {
  const socket = connect(path)
  return new Promise((resolve, reject) => {
    socket.once('connect', () => {
      socket.off('error', failed)
      resolve(socket)
    })
    socket.once('error', failed)
    function failed(error: NodeJS.ErrnoException): void {
      const { code = '' } = error
      if (['ENOENT', 'ENOTDIR', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTSUP'].includes(code)) resolve(null)
      // Its queue of connections is full.
      else if (code === 'EAGAIN') reject(ownerSilent(error))
      else if (code === 'EACCES' || code === 'EPERM') reject(ownerForbidden(path, error))
      else reject(ownerLost(error))
    }
  })
}

/** A socket that is somebody else's: what came through it could not be believed. */
export function ownerForbidden(path: string, cause?: unknown): TidemarkError {
  const text = `${path} is another user's; run this as the user whose process has the directory`
  return ioError('FILE_FORBIDDEN', text, cause)
}

function otherVersion(version: number): TidemarkError {
  const text = `speaks version ${version} of what is said over the socket, this command ${wireVersion}`
  const advice = 'run the same tidemark, or stop that process'
  return configurationError(
    'OWNER_VERSION',
    `the process that has the directory ${text}; ${advice}`,
  )
}

function ownerLost(cause?: unknown): TidemarkError {
  const text = 'the process that has the data directory open went away; run this again'
  return new TidemarkError('OWNER_LOST', text, { exit: exitCode.tryAgain, retry: 'later', cause })
}

function ownerSilent(cause?: unknown): TidemarkError {
  const text = `the process that has the data directory open has not answered for ${silentMs / 1000} s`
  return new TidemarkError('OWNER_SILENT', text, { exit: exitCode.tryAgain, retry: 'later', cause })
}
