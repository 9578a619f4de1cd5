/**
 * `GET /v1/changes`: scores that moved, as server-sent events, at most once a second.
 *
 * M1 A portion has a bounded number of changes: of each cause the largest moves, the newest of each
 *    customer. How many more there were is told with them (`leftOut`).
 * M2 A reader who was slow, or comes back with the id of what he heard last, hears of all since, by M1,
 *    and not of each second: nothing is kept for him. Behind a restart of the process, whose changes
 *    are counted anew, `leftOut` is null in his first portion: nobody knows.
 */
import type { ServerResponse } from 'node:http'
import type { ScoreChange } from '../monitoring/board-row.js'
import type { ScoreBoard } from '../monitoring/score-board.js'
import { Listeners } from './listeners.js'

/** Of each cause. */
const CHANGES_PER_PORTION = 40

export class ChangeStream {
  readonly #board: ScoreBoard
  /** The topic of the input, for coordinates. */
  readonly #topic: string
  /** Names the process, whose sequence the ids count. */
  readonly #life: string
  /** By the sequence of the last change that he was told of, or whose count. */
  readonly #listeners = new Listeners<number>(() => this.#tick())

  constructor(board: ScoreBoard, topic: string, life: string) {
    this.#board = board
    this.#topic = topic
    this.#life = life
  }

  get isFull(): boolean {
    return this.#listeners.isFull
  }

  /** Takes over a response; `lastEventId`: of whoever comes back, as it was sent. */
  add(response: ServerResponse, lastEventId: string | undefined): void {
    const { sequence } = this.#board
    const heard = this.#sequenceOf(lastEventId)
    // The id that a new reader comes back with is that of the moment he came.
    const none = { changes: [], leftOut: lastEventId === undefined ? 0 : null }
    const { bytes } = heard === null ? this.#portion(none) : this.#since(heard)
    this.#listeners.add(response, sequence, Buffer.concat([RETRY, bytes]))
  }

  close(): void {
    this.#listeners.close()
  }

  #tick(): void {
    this.#listeners.write((sequence) => this.#since(sequence))
  }

  #since(sequence: number): { readonly bytes: Buffer; readonly state: number } {
    const newest = this.#board.sequence
    if (newest === sequence) return { bytes: HEARTBEAT, state: sequence }
    const changes = this.#board.changesAfter(sequence, CHANGES_PER_PORTION)
    return this.#portion({ changes, leftOut: newest - sequence - changes.length })
  }

  #portion(told: { readonly changes: readonly ScoreChange[]; readonly leftOut: number | null }) {
    const { sequence } = this.#board
    const data = { changes: told.changes.map((one) => this.#told(one)), leftOut: told.leftOut }
    const text = `id: ${this.#life}-${sequence}\nevent: changes\ndata: ${JSON.stringify(data)}\n\n`
    return { bytes: Buffer.from(text), state: sequence }
  }

  #told(change: ScoreChange) {
    const { customer, previous, probability, risk, cause, partition, endOffset, commit } = change
    const asOf = new Date(change.asOf).toISOString()
    const topic = this.#topic
    return {
      customer,
      // null: nothing is known of a score before.
      before: previous,
      after: probability,
      risk,
      cause,
      coordinates: { topic, partition, endOffset, asOf, commit },
    }
  }

  /** null: no id, or one of another process. */
  #sequenceOf(id: string | undefined): number | null {
    const [life, sequence, ...rest] = id?.split('-') ?? []
    if (life !== this.#life || rest.length > 0 || !/^[0-9]{1,15}$/.test(sequence ?? '')) return null
    return Number(sequence) <= this.#board.sequence ? Number(sequence) : null
  }
}

/** A comment: it tells proxies and readers that somebody is there. */
const HEARTBEAT = Buffer.from(':\n\n')
const RETRY = Buffer.from('retry: 1000\n')
