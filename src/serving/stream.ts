/**
 * `GET /v1/stream`: what the page shows, as server-sent events once a second.
 *
 * T1 Every portion is a heartbeat: a reader that hears nothing for some seconds has lost us.
 * T2 What changes rarely (the distribution over time, what was refused, the top lists) is in the first
 *    portion, behind one that a slow reader missed, and then in those behind a change.
 */
import type { ServerResponse } from 'node:http'
import type { ScoreBoard } from '../monitoring/score-board.js'
import type { StatusSource } from '../topology/status.js'
import { Listeners } from './listeners.js'

/** Of each cause: more than a page can show anyway. */
const CHANGES_PER_PORTION = 12
const CHANGES_AT_FIRST = 24
/** The top lists are asked for every so many seconds. */
const TOP_SECONDS = 5

export interface StreamParts {
  readonly engine: StatusSource
  readonly board: ScoreBoard
  /** Whose risk moved most; what it throws leaves the page with what it has. */
  top(): Promise<object>
}

export class StatusStream {
  readonly #parts: StreamParts
  /** By the tick of the last portion: who has missed one gets everything. */
  readonly #listeners = new Listeners<number>(() => this.#tick())
  #sequence = 0
  /** As of the last portion. */
  #told = { history: 0, refused: 0 }
  #top: object | null = null
  #isTopNew = false
  #ticks = 0

  constructor(parts: StreamParts) {
    this.#parts = parts
  }

  get isFull(): boolean {
    return this.#listeners.isFull
  }

  /** Takes over a response and feeds it until either side closes. */
  add(response: ServerResponse): void {
    const { board } = this.#parts
    if (this.#listeners.isEmpty) {
      this.#sequence = board.sequence
      this.#told = versionsOf(board)
      this.#ticks = 0
      void this.#askTop()
    }
    const first = this.#portion(board.changesAfter(0, CHANGES_AT_FIRST), EVERYTHING)
    this.#listeners.add(response, this.#ticks, Buffer.concat([RETRY, first]))
  }

  close(): void {
    this.#listeners.close()
  }

  #tick(): void {
    const { board } = this.#parts
    const changes = board.changesAfter(this.#sequence, CHANGES_PER_PORTION)
    this.#sequence = board.sequence
    const told = this.#told
    this.#told = versionsOf(board)
    const fresh = {
      history: told.history !== this.#told.history,
      refused: told.refused !== this.#told.refused,
      top: this.#isTopNew,
    }
    this.#isTopNew = false
    const last = this.#ticks++
    this.#listeners.write((heard) => {
      const bytes = this.#portion(changes, heard === last ? fresh : EVERYTHING)
      return { bytes, state: this.#ticks }
    })
    if (this.#ticks % TOP_SECONDS === 0) void this.#askTop()
  }

  async #askTop(): Promise<void> {
    try {
      this.#top = await this.#parts.top()
      this.#isTopNew = true
    } catch {
      // Where the snapshots are away the page says so when somebody asks for a customer.
    }
  }

  #portion(changes: ReturnType<ScoreBoard['changesAfter']>, fresh: Fresh): Buffer {
    const { engine, board } = this.#parts
    const facts = {
      at: Date.now(),
      status: engine.status(),
      changes,
      histogram: board.histogram(),
      ...(fresh.history && { distribution: board.history.samples() }),
      ...(fresh.refused && { refused: board.refused.newest() }),
      ...(fresh.top && this.#top !== null && { top: this.#top }),
    }
    return Buffer.from(`event: status\ndata: ${JSON.stringify(facts)}\n\n`)
  }
}

/** What a portion has beside what every one has. */
interface Fresh {
  readonly history: boolean
  readonly refused: boolean
  readonly top: boolean
}

const EVERYTHING: Fresh = { history: true, refused: true, top: true }

function versionsOf({ history, refused }: ScoreBoard) {
  return { history: history.version, refused: refused.version }
}

/** After how many ms a browser that lost us tries again. */
const RETRY = Buffer.from('retry: 1000\n')
