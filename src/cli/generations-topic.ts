/**
 * The generations of an app on Kafka: what `app.json` says of a data directory, and the bundles that
 * they are scored by, for workers on other machines.
 *
 * In partition 0 of `<app>.generations`, which is compacted:
 *   asked                     the generation asked for, and the one before
 *   generation/<n>            a generation
 *   refused/<n>               why a worker does not switch to it
 *   bundle/<hash>/<file>/<i>  a part of a bundle's file
 *   bundle/<hash>             how many parts its files have: it is there
 * Beside it each partition has `built/<n>` of its own state (`topology/logged-state.ts`).
 *
 * A deployment from before has no such topic. Then nothing is listed; what a worker would list as the
 * first generation it lists when the topic appears.
 *
 * N3 Whoever has caught up after a call knows all that was written before it.
 * N4 A refusal is of one asking: with another one it means nothing any more.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type ExitCode, TidemarkError } from '../errors.js'
import type { EventLog } from '../log/log.js'
import { readToEnd } from '../log/read-to-end.js'
import type { DataOwner } from './data-directory.js'
import {
  type BundleParts,
  type BundlePlace,
  fetchBundle,
  isPart,
  markOf,
  putBundle,
} from './generation-bundles.js'
import type { Generation } from './generation.js'
import type { GenerationList } from './generations.js'

const writesMax = 8
/** Before the second try; grows with each. */
const pauseMs = 100
const firstKey = 'generation/1'

interface Asked {
  readonly number: number
  readonly before?: number
}

/** Why a worker does not switch to the generation that is asked for, and will not. */
export interface Refusal {
  readonly code: string
  readonly text: string
  readonly exit: ExitCode
  /** The machine that the worker runs on. */
  readonly host: string
}

interface ListedRefusal extends Refusal {
  /** The version of the list that was refused. */
  readonly version: number
}

type Listed = readonly (readonly [key: string, value: Buffer | null])[]

/** A log that may lack the topic when it is opened. */
export interface ListLog extends EventLog {
  includeIfThere(topic: string): Promise<boolean>
}

export interface TopicPlace extends BundlePlace {
  readonly log: ListLog
  /** The app's name. */
  readonly app: string
  /** The writer, which one process has at a time. */
  readonly writer: string
}

export class GenerationsTopic implements GenerationList {
  /** By key, but for the parts of bundles. */
  private readonly values = new Map<string, unknown>()
  private nextOffset = 0
  private askedOffset = -1
  private found = false
  /** What this process lists as soon as the topic is there. */
  private unlisted: Generation | null = null
  private turn: Promise<unknown> = Promise.resolve()
  /** A reading that has not begun: whoever asks now may share it. */
  private next: Promise<void> | null = null

  constructor(private readonly place: TopicPlace) {}

  /** The number of the generation asked for. */
  get asked(): number {
    return (this.values.get('asked') as Asked | undefined)?.number ?? 1
  }

  /** Counts up with what is asked for. */
  get version(): number {
    return this.askedOffset + 1
  }

  /** Whether the brokers had the topic when it was caught up last. */
  get isThere(): boolean {
    return this.found
  }

  /** Why what is asked for is refused; null: nobody does. Keeps N4. */
  get refusal(): Refusal | null {
    const refused = this.values.get(refusedKey(this.asked)) as ListedRefusal | undefined
    return refused?.version === this.version ? refused : null
  }

  /** As it was caught up last; null: nothing is listed. */
  get owner(): DataOwner | null {
    const generations = [...this.values]
      .filter(([key]) => key.startsWith('generation/'))
      .map(([, value]) => value as Generation)
      .sort((a, b) => a.number - b.number)
    const current = generations.find(({ number }) => number === this.asked)
    if (current === undefined) return null
    const { reference, app } = current
    const { appHash, declaration } = app
    const before = (this.values.get('asked') as Asked | undefined)?.before
    const named = { app: this.place.app, reference, appHash, declaration }
    return {
      ...named,
      generation: this.asked,
      ...(before === undefined ? {} : { before }),
      generations,
    }
  }

  /** Keeps N3. */
  catchUp(): Promise<void> {
    if (this.next !== null) return this.next
    const done = this.turn.then(() => {
      this.next = null
      return this.readOn()
    })
    this.next = done
    this.turn = done.catch(() => undefined)
    return done
  }

  async read(): Promise<DataOwner> {
    await this.catchUp()
    return this.owner!
  }

  /** The bundles first: who reads of a generation finds them. */
  async write(owner: DataOwner): Promise<void> {
    const { generation: number, before, generations = [] } = owner
    for (const { models } of generations) {
      if (models === null) continue
      await this.put(models.model)
      if (models.fallback !== null) await this.put(models.fallback)
    }
    const asked = { number, ...(before === undefined ? {} : { before }) }
    const listed = generations.map((one) => [`generation/${one.number}`, jsonOf(one)] as const)
    await this.append([...listed, ['asked', jsonOf(asked)]])
    await this.catchUp()
  }

  /** Lists the first generation unless somebody has; workers that begin at once may all try. */
  async register(first: Generation): Promise<void> {
    const isListed = (): boolean => this.owner !== null
    await this.catchUp()
    if (this.found) return this.appendUnless(isListed, () => [[firstKey, jsonOf(first)]])
    this.unlisted = first
    this.values.set(firstKey, first)
  }

  /** Tells whoever asked for a generation that a worker does not switch to it; once an asking. */
  refuse(number: number, refusal: Refusal): Promise<void> {
    return this.appendUnless(
      () => !this.found || this.asked !== number || this.refusal !== null,
      () => [[refusedKey(number), jsonOf({ ...refusal, version: this.version })]],
    )
  }

  /** Lets the workers say anew whether they refuse what is asked for. */
  askAgain(): Promise<void> {
    return this.appendUnless(
      () => this.refusal === null,
      () => [[refusedKey(this.asked), null]],
    )
  }

  /** Sees to it that the bundle lies in the folder; nothing where the topic has none of that hash. */
  async fetchBundle(hash: string): Promise<void> {
    const parts = this.values.get(markOf(hash)) as BundleParts | undefined
    if (parts !== undefined) await fetchBundle(this.place, hash, parts)
  }

  /** The same of every bundle that is listed. */
  async fetchListed(): Promise<void> {
    for (const { models } of this.owner?.generations ?? []) {
      if (models === null) continue
      await this.fetchBundle(models.model)
      if (models.fallback !== null) await this.fetchBundle(models.fallback)
    }
  }

  private async readOn(): Promise<void> {
    const { log, topic } = this.place
    if (!this.found && !(this.found = await log.includeIfThere(topic))) return
    await readToEnd(log, { topic, partition: 0, from: this.nextOffset }, (record) => {
      this.nextOffset = record.offset + 1
      const key = String(record.key)
      if (key === 'asked') this.askedOffset = record.offset
      if (isPart(key) || key.startsWith('built/')) return
      if (key === firstKey) this.unlisted = null
      if (record.value === null) this.values.delete(key)
      else this.values.set(key, JSON.parse(String(record.value)))
    })
    // Somebody else may do it first: then it is read the next time.
    if (this.unlisted !== null) await this.append([[firstKey, jsonOf(this.unlisted)]])
  }

  private async put(hash: string): Promise<void> {
    if (this.values.has(markOf(hash))) return
    await putBundle(this.place.kept, hash, (parts) => this.append(parts))
  }

  /** Several processes have the writer in turn: who has lost it looks again whether it is done. */
  private async appendUnless(isDone: () => boolean, records: () => Listed): Promise<void> {
    await this.catchUp()
    for (let tries = 1; !isDone(); tries++) {
      try {
        await this.append(records())
      } catch (error) {
        if (!mayBeDone(error) || tries === writesMax) throw error
        // Those who have taken the writer come to an end, and do not lose it in turn.
        await sleep(tries * pauseMs * (1 + Math.random()))
        await this.catchUp()
        if (isDone()) return
        // Behind it a commit whose outcome was unknown took place, or will not.
        await this.place.log.fence(this.place.writer)
      }
      await this.catchUp()
    }
  }

  private async append(records: Listed): Promise<void> {
    const { log, topic, writer } = this.place
    const transaction = log.begin(writer)
    const timestamp = log.now() ?? 0
    for (const [key, value] of records) {
      transaction.append(topic, 0, { key: Buffer.from(key), value, timestamp, headers: null })
    }
    await transaction.commit()
  }
}

const jsonOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

/** Somebody else has the writer by now, or a broker went away in the middle of the commit. */
function mayBeDone(error: unknown): boolean {
  const codes = ['TRANSACTION_FENCED', 'COMMIT_UNKNOWN']
  return error instanceof TidemarkError && codes.includes(error.code)
}

const refusedKey = (generation: number): string => `refused/${generation}`
