/**
 * Who listens to a stream of server-sent events.
 *
 * L1 A listener costs a bounded amount of memory: while his socket is full he gets nothing, and who
 *    does not drain it within `SLOW_MAX_MS` is cut off. At most `LISTENERS_MAX` of them.
 * L2 The tick runs once a second whoever listens, and not at all while nobody does.
 * L3 What is written to several is encoded once.
 */
import type { ServerResponse } from 'node:http'

/** Fifty pages, and some to spare. */
export const LISTENERS_MAX = 64
const INTERVAL_MS = 1_000
const SLOW_MAX_MS = 15_000

interface Listener<S> {
  readonly response: ServerResponse
  /** What the stream knows of him. */
  state: S
  /** Since when his socket is full, wall ms; null where it takes more. */
  fullSince: number | null
}

export class Listeners<S> {
  readonly #listeners = new Set<Listener<S>>()
  readonly #tick: () => void
  #timer: NodeJS.Timeout | null = null

  constructor(tick: () => void) {
    this.#tick = tick
  }

  get isFull(): boolean {
    return this.#listeners.size >= LISTENERS_MAX
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0
  }

  /** Takes over a response and feeds it until either side closes; `first` is written at once. */
  add(response: ServerResponse, state: S, first: Buffer): void {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    const listener: Listener<S> = { response, state, fullSince: null }
    response.on('drain', () => (listener.fullSince = null))
    response.on('error', () => this.#drop(listener))
    response.on('close', () => this.#drop(listener))
    this.#timer ??= setInterval(this.#tick, INTERVAL_MS)
    this.#listeners.add(listener)
    write(listener, first)
  }

  /**
   * Writes to all whose sockets take it: `portion` gives the bytes and the state behind them, made
   * once for all of the same state.
   */
  write(portion: (state: S) => { readonly bytes: Buffer; readonly state: S }): void {
    const made = new Map<S, { readonly bytes: Buffer; readonly state: S }>()
    for (const listener of this.#listeners) {
      if (listener.fullSince !== null) {
        if (Date.now() - listener.fullSince > SLOW_MAX_MS) listener.response.destroy()
        continue
      }
      let due = made.get(listener.state)
      if (due === undefined) {
        due = portion(listener.state)
        made.set(listener.state, due)
      }
      listener.state = due.state
      write(listener, due.bytes)
    }
  }

  close(): void {
    for (const listener of this.#listeners) {
      this.#drop(listener)
      listener.response.end()
    }
  }

  #drop(listener: Listener<S>): void {
    this.#listeners.delete(listener)
    if (this.#listeners.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }
}

function write<S>(listener: Listener<S>, bytes: Buffer): void {
  if (!listener.response.write(bytes)) listener.fullSince = Date.now()
}
