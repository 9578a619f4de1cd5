/**
 * `GET /v1/stream`: what the page shows, as server-sent events once a second.
 *
 * T1 A client costs a bounded amount of memory: while its socket is full it gets nothing, and who
 *    does not drain it within `SLOW_MAX_MS` is cut off. At most `CLIENTS_MAX` clients.
 * T2 One portion is made a second, whoever listens, and none while nobody does.
 * T3 Every portion is a heartbeat: a reader that hears nothing for some seconds has lost us.
 */
import type { ServerResponse } from 'node:http'
import type { ScoreBoard } from '../monitoring/score-board.js'
import type { StatusSource } from '../topology/status.js'

const CLIENTS_MAX = 32
const INTERVAL_MS = 1_000
const SLOW_MAX_MS = 15_000
/** Of each cause: more than a page can show anyway. */
const CHANGES_PER_PORTION = 12
const CHANGES_AT_FIRST = 24

interface Client {
  readonly response: ServerResponse
  /** Since when its socket is full, wall ms; null where it takes more. */
  fullSince: number | null
}

export class StatusStream {
  readonly #engine: StatusSource
  readonly #board: ScoreBoard
  readonly #clients = new Set<Client>()
  #timer: NodeJS.Timeout | null = null
  #sequence = 0

  constructor(engine: StatusSource, board: ScoreBoard) {
    this.#engine = engine
    this.#board = board
  }

  get isFull(): boolean {
    return this.#clients.size >= CLIENTS_MAX
  }

  /** Takes over a response and feeds it until either side closes. */
  add(response: ServerResponse): void {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    const client: Client = { response, fullSince: null }
    response.on('drain', () => (client.fullSince = null))
    response.on('error', () => this.#drop(client))
    response.on('close', () => this.#drop(client))
    if (this.#timer === null) {
      this.#sequence = this.#board.sequence
      this.#timer = setInterval(() => this.#send(), INTERVAL_MS)
    }
    this.#clients.add(client)
    const first = this.#portion(this.#board.changesAfter(0, CHANGES_AT_FIRST))
    write(client, `retry: 1000\n${first}`)
  }

  close(): void {
    for (const client of this.#clients) {
      this.#drop(client)
      client.response.end()
    }
  }

  #send(): void {
    const changes = this.#board.changesAfter(this.#sequence, CHANGES_PER_PORTION)
    this.#sequence = this.#board.sequence
    const portion = this.#portion(changes)
    for (const client of this.#clients) {
      if (client.fullSince === null) write(client, portion)
      else if (Date.now() - client.fullSince > SLOW_MAX_MS) client.response.destroy()
    }
  }

  #portion(changes: ReturnType<ScoreBoard['changesAfter']>): string {
    const facts = {
      at: Date.now(),
      status: this.#engine.status(),
      changes,
      histogram: this.#board.histogram(),
    }
    return `event: status\ndata: ${JSON.stringify(facts)}\n\n`
  }

  #drop(client: Client): void {
    this.#clients.delete(client)
    if (this.#clients.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }
}

function write(client: Client, text: string): void {
  if (!client.response.write(text)) client.fullSince = Date.now()
}
