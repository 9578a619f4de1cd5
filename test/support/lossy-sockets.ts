/** Sockets to a broker that lose one request, or its answer, of a kind. */
import { connect } from 'node:net'
import type { ISocketFactory } from 'kafkajs'

/** Key of EndTxn in Kafka's protocol. */
export const endTxnKey = 26

export type Loss = 'request' | 'answer'

export class LossySockets {
  private loss: { readonly key: number; readonly what: Loss } | null = null
  /** How many were lost. */
  lost = 0

  /** Loses the next request of this kind, or the answer to it, and the connection with it. */
  loseNext(key: number, what: Loss): void {
    this.loss = { key, what }
  }

  readonly factory: ISocketFactory = ({ host, port, onConnect }) => {
    const socket = connect({ host, port }, onConnect)
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
    // Of the request under way: the parts of a large one are written one after the other.
    let bytesLeft = 0
    socket.write = (bytes: Buffer, ...rest: unknown[]) => {
      const { loss } = this
      const isFirst = bytesLeft === 0
      bytesLeft += (isFirst ? 4 + bytes.readInt32BE(0) : 0) - bytes.length
      if (loss === null || !isFirst || bytes.readInt16BE(4) !== loss.key) {
        return write(bytes, ...rest)
      }
      this.loss = null
      this.lost += 1
      const gone = new Error('the connection has been reset')
      if (loss.what === 'request') {
        socket.destroy(gone)
        return false
      }
      socket.removeAllListeners('data')
      socket.once('data', () => socket.destroy(gone))
      return write(bytes, ...rest)
    }
    return socket
  }
}
