/**
 * A proxy between Kafka clients and a broker that knows requests and answers apart: it loses, holds
 * back or repeats some of them, gives answers another error code, and can be a bad network. The broker
 * must advertise the proxy's address, or clients go past it.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { corrupted, withError } from './answers.js'
import { type Quality, Wire } from './wire.js'

const fetchKey = 1

export type Mischief =
  /** The request never arrives, and the connection is reset. */
  | 'lost request'
  /** The request arrives, and the connection is reset instead of the answer. */
  | 'lost answer'
  /** The request arrives, and nothing is ever said on the connection again. */
  | 'silence'
  /** The connection is reset, and the request arrives later, when nobody waits for it. */
  | 'late request'
  /** The answer comes after a while. */
  | 'late answer'
  /** The request arrives twice; only the first answer is passed on. */
  | 'doubled request'
  /** The request arrives, and the answer says that it failed. */
  | 'refusal'

/** Those that need nothing but a moment. */
export const mischiefs: readonly Mischief[] = [
  'lost request',
  'lost answer',
  'silence',
  'late request',
  'late answer',
  'doubled request',
]

interface Planned {
  readonly key: number
  readonly mischief: Mischief
  readonly lateMs: number
  readonly error: number
}

export class ReplyProxy {
  /** Done so far, by mischief and key. */
  readonly done: string[] = []
  /** How the network is between clients and the broker, for what is sent from now on. */
  quality: { readonly requests?: Quality; readonly answers?: Quality } = {}
  /** Share of the larger fetched answers in which a bit is flipped. */
  corrupts = 0
  private readonly sockets = new Set<Socket>()
  private planned: Planned[] = []

  private constructor(
    private readonly server: Server,
    private upstreamPort: number,
  ) {}

  /** Listens on a free port of this machine; `upstreamPort` may be set later. */
  static async start(): Promise<ReplyProxy> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const proxy = new ReplyProxy(server, 0)
    server.on('connection', (client) => proxy.join(client))
    return proxy
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  passTo(port: number): void {
    this.upstreamPort = port
  }

  /** Does this to the next request with the key. */
  plan(key: number, mischief: Mischief, lateMs: number): void {
    this.planned.push({ key, mischief, lateMs, error: 0 })
  }

  /** Answers the next `times` requests with the key with an error, although they are done. */
  refuse(key: number, error: number, times: number): void {
    const refusal = { key, mischief: 'refusal', lateMs: 0, error } as const
    for (let i = 0; i < times; i++) this.planned.push(refusal)
  }

  /** Whether something that was planned for these keys is still to come. */
  awaits(keys: readonly number[]): boolean {
    return this.planned.some(({ key }) => keys.includes(key))
  }

  /** Resets every connection. */
  reset(): void {
    for (const socket of this.sockets) socket.resetAndDestroy()
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private join(client: Socket): void {
    const broker = connect(this.upstreamPort, '127.0.0.1')
    const link = new Link(this, client, broker, (key) => this.next(key))
    for (const socket of [client, broker]) {
      this.sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.sockets.delete(socket)
        link.closed(socket)
      })
    }
  }

  private next(key: number): Planned | null {
    const at = this.planned.findIndex((one) => one.key === key)
    if (at < 0) return null
    const [planned] = this.planned.splice(at, 1)
    this.done.push(`${planned.mischief} of ${key}`)
    return planned
  }
}

/** One client's connection and ours to the broker. */
class Link {
  private readonly answers = new Map<number, Planned>()
  /** Correlations of doubled requests: how many of their answers have come. */
  private readonly doubled = new Map<number, number>()
  private isSilent = false
  /** A request is still to be delivered, although the client has gone. */
  private late = 0
  private readonly requests: Wire
  private readonly answersOut: Wire
  /** Correlations of requests for records. */
  private readonly fetches = new Set<number>()

  constructor(
    private readonly proxy: ReplyProxy,
    private readonly client: Socket,
    private readonly broker: Socket,
    private readonly next: (key: number) => Planned | null,
  ) {
    this.requests = new Wire(broker, () => proxy.quality.requests ?? {})
    this.answersOut = new Wire(client, () => proxy.quality.answers ?? {})
    onFrames(client, (frame) => this.request(frame))
    onFrames(broker, (frame) => this.answer(frame))
  }

  closed(socket: Socket): void {
    if (socket === this.broker) this.client.destroy()
    else if (this.late === 0) this.broker.destroy()
  }

  private request(frame: Buffer): void {
    const key = frame.readInt16BE(4)
    const correlation = frame.readInt32BE(8)
    if (key === fetchKey) this.fetches.add(correlation)
    const planned = this.next(key)
    if (planned === null) return this.requests.send(frame)
    switch (planned.mischief) {
      case 'lost request':
        this.client.destroy()
        return
      case 'late request':
        this.late++
        setTimeout(() => {
          this.broker.write(frame)
          // Time for the broker to read it before the connection is gone.
          setTimeout(() => this.broker.destroy(), 1_000)
        }, planned.lateMs)
        this.client.destroy()
        return
      case 'doubled request':
        this.requests.send(frame)
        this.doubled.set(correlation, 0)
        break
      case 'lost answer':
      case 'late answer':
      case 'silence':
      case 'refusal':
        this.answers.set(correlation, planned)
    }
    this.requests.send(frame)
  }

  private answer(frame: Buffer): void {
    const correlation = frame.readInt32BE(4)
    const before = this.doubled.get(correlation)
    if (before === 1) return void this.doubled.delete(correlation)
    if (before === 0) this.doubled.set(correlation, 1)
    const planned = this.answers.get(correlation)
    this.answers.delete(correlation)
    if (planned?.mischief === 'lost answer') return void this.client.destroy()
    if (planned?.mischief === 'silence') this.isSilent = true
    if (this.isSilent) return
    const lateMs = planned?.mischief === 'late answer' ? planned.lateMs : 0
    this.answersOut.send(this.asTold(frame, correlation, planned), lateMs)
  }

  private asTold(frame: Buffer, correlation: number, planned: Planned | undefined): Buffer {
    if (planned?.mischief === 'refusal') return withError(frame, planned.key, planned.error)
    const isFetched = this.fetches.delete(correlation)
    return isFetched && Math.random() < this.proxy.corrupts ? corrupted(frame) : frame
  }
}

/** Whole frames, each with the four bytes of its length. */
function onFrames(socket: Socket, take: (frame: Buffer) => void): void {
  let held: Buffer = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes])
    while (held.length >= 4) {
      const size = 4 + held.readInt32BE(0)
      if (held.length < size) return
      take(held.subarray(0, size))
      held = held.subarray(size)
    }
  })
}
