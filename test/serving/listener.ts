import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'

/** A response whose socket may be full. */
export class Listener extends EventEmitter {
  heard: string[] = []
  full = false
  destroyed = false
  readonly writeHead = () => this
  readonly write = (bytes: Buffer) => {
    this.heard.push(bytes.toString())
    return !this.full
  }
  readonly end = () => this.emit('close')
  readonly destroy = () => {
    this.destroyed = true
    return this.emit('close')
  }

  /** The data of each portion. */
  facts(): Record<string, unknown>[] {
    return this.heard.flatMap((text) => {
      const data = /^data: (.*)$/m.exec(text)?.[1]
      return data === undefined ? [] : [JSON.parse(data) as Record<string, unknown>]
    })
  }
}

export const respond = (listener: Listener) => listener as unknown as ServerResponse
