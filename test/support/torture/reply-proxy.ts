/**
 * A proxy between Kafka clients and a broker that knows requests and answers apart, and loses, holds
 * back or repeats some of them. The broker must advertise the proxy's address, or clients go past it.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** Keys of Kafka's protocol. */
export const apiKeys = { produce: 0, initProducerId: 22, addPartitions: 24, endTxn: 26 } as const

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
}

export class ReplyProxy {
  /** Done so far, by mischief and key. */
  readonly done: string[] = []
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
    this.planned.push({ key, mischief, lateMs })
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private join(client: Socket): void {
    const broker = connect(this.upstreamPort, '127.0.0.1')
    const link = new Link(client, broker, (key) => this.next(key))
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
  /** Answers leave in order, also behind one that is late. */
  private turn: Promise<void> = Promise.resolve()

  constructor(
    private readonly client: Socket,
    private readonly broker: Socket,
    private readonly next: (key: number) => Planned | null,
  ) {
    onFrames(client, (frame) => this.request(frame))
    onFrames(broker, (frame) => this.answer(frame))
  }

  closed(socket: Socket): void {
    if (socket === this.broker) this.client.destroy()
    else if (this.late === 0) this.broker.destroy()
  }

  private request(frame: Buffer): void {
    const planned = this.next(frame.readInt16BE(4))
    if (planned === null) return void this.broker.write(frame)
    const correlation = frame.readInt32BE(8)
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
        this.broker.write(frame)
        this.doubled.set(correlation, 0)
        break
      case 'lost answer':
      case 'late answer':
      case 'silence':
        this.answers.set(correlation, planned)
    }
    this.broker.write(frame)
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
    const waitMs = planned?.mischief === 'late answer' ? planned.lateMs : 0
    this.turn = this.turn.then(async () => {
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
      if (!this.isSilent && !this.client.destroyed) this.client.write(frame)
    })
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
