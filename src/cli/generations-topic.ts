/**
 * The generations of an app on Kafka: what `app.json` says of a data directory, and the bundles that
 * they are scored by, for workers on other machines.
 *
 * In partition 0 of `<app>.generations`, which is compacted:
 *   asked                     the generation asked for, and the one before
 *   generation/<n>            a generation
 *   bundle/<hash>/<file>/<i>  a part of a bundle's file
 *   bundle/<hash>             how many parts its files have: it is there
 * Beside it each partition has `built/<n>` of its own state (`topology/logged-state.ts`).
 *
 * N3 Whoever has caught up after a call knows all that was written before it.
 */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ioError, TidemarkError } from '../errors.js'
import { type EventLog, recordBytesMax, type StoredRecord } from '../log/log.js'
import { loadBundle } from '../scoring/bundle.js'
import { keepBundle } from '../scoring/bundle-folders.js'
import type { DataOwner } from './data-directory.js'
import type { Generation } from './generation.js'
import type { GenerationList } from './generations.js'
import { withEnd } from './with-end.js'

const recordsPerPoll = 1024
const partBytes = recordBytesMax / 2
/** Parts that go in one transaction. */
const partsPerWrite = 16
const writesMax = 5

interface Asked {
  readonly number: number
  readonly before?: number
}

export interface TopicPlace {
  readonly log: EventLog
  readonly topic: string
  /** The app's name. */
  readonly app: string
  /** The folder of bundles: those that are listed are put into the topic from there. */
  readonly kept: string
  /** The writer, which one process has at a time. */
  readonly writer: string
}

export class GenerationsTopic implements GenerationList {
  /** By key, but for the parts of bundles. */
  private readonly values = new Map<string, unknown>()
  private nextOffset = 0
  private askedOffset = -1
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

  private readOn(): Promise<void> {
    return this.readFrom(this.nextOffset, (record) => {
      this.nextOffset = record.offset + 1
      const key = String(record.key)
      if (key === 'asked') this.askedOffset = record.offset
      if (!isPart(key) && !key.startsWith('built/')) {
        this.values.set(key, JSON.parse(String(record.value)))
      }
    })
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
      await this.putBundle(models.model)
      if (models.fallback !== null) await this.putBundle(models.fallback)
    }
    const asked = { number, ...(before === undefined ? {} : { before }) }
    const listed = generations.map((one) => [`generation/${one.number}`, jsonOf(one)] as const)
    await this.append([...listed, ['asked', jsonOf(asked)]])
    await this.catchUp()
  }

  /** Lists the first generation unless somebody has; workers that begin at once may all try. */
  async register(first: Generation): Promise<void> {
    for (let tries = 1; ; tries++) {
      await this.catchUp()
      if (this.owner !== null) return
      try {
        await this.append([['generation/1', jsonOf(first)]])
      } catch (error) {
        const isFenced = error instanceof TidemarkError && error.code === 'TRANSACTION_FENCED'
        if (!isFenced || tries === writesMax) throw error
        await this.place.log.fence(this.place.writer)
      }
    }
  }

  /** Sees to it that the bundle lies in the folder; nothing where the topic has none of that hash. */
  async fetchBundle(hash: string): Promise<void> {
    const { kept } = this.place
    const parts = this.values.get(markOf(hash)) as Record<string, number> | undefined
    if (parts === undefined || existsSync(join(kept, hash))) return
    const draft = join(kept, `.fetched-${randomUUID()}`)
    await withEnd(
      async () => {
        await this.fetchInto(draft, hash, parts)
        await keepBundle(await loadBundle(draft), kept)
      },
      () => rm(draft, { recursive: true, force: true }),
    )
  }

  /** The same of every bundle that is listed. */
  async fetchListed(): Promise<void> {
    for (const { models } of this.owner?.generations ?? []) {
      if (models === null) continue
      await this.fetchBundle(models.model)
      if (models.fallback !== null) await this.fetchBundle(models.fallback)
    }
  }

  private async fetchInto(
    folder: string,
    hash: string,
    parts: Readonly<Record<string, number>>,
  ): Promise<void> {
    const found = new Map<string, Buffer>()
    await this.readFrom(0, ({ key, value }) => {
      const name = String(key)
      if (name.startsWith(`${markOf(hash)}/`)) found.set(name, value!)
    })
    await mkdir(folder, { recursive: true })
    for (const [file, count] of Object.entries(parts)) {
      const keys = Array.from({ length: count }, (_, part) => partKey(hash, file, part))
      const missing = keys.find((key) => !found.has(key))
      if (missing !== undefined) {
        throw ioError('GENERATIONS_DAMAGED', `${this.place.topic} lacks ${missing}`)
      }
      await writeFile(join(folder, file), Buffer.concat(keys.map((key) => found.get(key)!)))
    }
  }

  private async putBundle(hash: string): Promise<void> {
    if (this.values.has(markOf(hash))) return
    const folder = join(this.place.kept, hash)
    const counts: Record<string, number> = {}
    let parts: [string, Buffer][] = []
    for (const file of await readdir(folder)) {
      const bytes = await readFile(join(folder, file))
      counts[file] = Math.ceil(bytes.length / partBytes)
      for (let part = 0; part < counts[file]; part++) {
        const from = part * partBytes
        parts.push([partKey(hash, file, part), bytes.subarray(from, from + partBytes)])
        if (parts.length < partsPerWrite) continue
        await this.append(parts)
        parts = []
      }
    }
    await this.append([...parts, [markOf(hash), jsonOf(counts)]])
  }

  private async append(records: readonly (readonly [key: string, value: Buffer])[]): Promise<void> {
    const { log, topic, writer } = this.place
    const transaction = log.begin(writer)
    const timestamp = log.now() ?? 0
    for (const [key, value] of records) {
      transaction.append(topic, 0, { key: Buffer.from(key), value, timestamp, headers: null })
    }
    await transaction.commit()
  }

  private async readFrom(from: number, see: (record: StoredRecord) => void): Promise<void> {
    const { log, topic } = this.place
    const [end, first] = await Promise.all([log.endOffset(topic, 0), log.startOffset(topic, 0)])
    const start = Math.max(from, first)
    if (start >= end) return
    const reader = log.reader(topic, 0, start)
    await withEnd(
      async () => {
        while (reader.nextOffset < end) {
          for (const record of (await reader.poll(recordsPerPoll, 100)).records) see(record)
        }
      },
      () => reader.close(),
    )
  }
}

const jsonOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

const markOf = (hash: string): string => `bundle/${hash}`

const partKey = (hash: string, file: string, part: number): string =>
  `${markOf(hash)}/${file}/${part}`

const isPart = (key: string): boolean => key.split('/').length === 4
