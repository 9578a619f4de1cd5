/**
 * The bundles that generations are scored by, in the generations' topic: in parts, for a record holds
 * little, and a mark behind the last of them, which says that all are there.
 */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ioError } from '../errors.js'
import { type EventLog, recordBytesMax } from '../log/log.js'
import { readToEnd } from '../log/read-to-end.js'
import { keepBundle } from '../scoring/bundle-folders.js'
import { loadBundle } from '../scoring/bundle.js'
import { withEnd } from './with-end.js'

const partBytes = recordBytesMax / 2
/** Parts that go in one transaction. */
const partsPerWrite = 16

/** How many parts each file of a bundle has. */
export type BundleParts = Readonly<Record<string, number>>

export interface BundlePlace {
  readonly log: EventLog
  readonly topic: string
  /** The folder of bundles: those that are listed are put into the topic from there. */
  readonly kept: string
}

type Append = (records: readonly (readonly [key: string, value: Buffer])[]) => Promise<void>

export const markOf = (hash: string): string => `bundle/${hash}`

/** Whether a record of the topic is a part of a bundle. */
export const isPart = (key: string): boolean => key.split('/').length === 4

const partKey = (hash: string, file: string, part: number): string =>
  `${markOf(hash)}/${file}/${part}`

/** Puts a bundle that is kept into the topic, its mark last. */
export async function putBundle(kept: string, hash: string, append: Append): Promise<void> {
  const folder = join(kept, hash)
  const counts: Record<string, number> = {}
  let parts: [string, Buffer][] = []
  for (const file of await readdir(folder)) {
    const bytes = await readFile(join(folder, file))
    counts[file] = Math.ceil(bytes.length / partBytes)
    for (let part = 0; part < counts[file]; part++) {
      const from = part * partBytes
      parts.push([partKey(hash, file, part), bytes.subarray(from, from + partBytes)])
      if (parts.length < partsPerWrite) continue
      await append(parts)
      parts = []
    }
  }
  await append([...parts, [markOf(hash), Buffer.from(JSON.stringify(counts))]])
}

/** Keeps a bundle that the topic has. Raises `GENERATIONS_DAMAGED` (74) where a part is missing. */
export async function fetchBundle(
  place: BundlePlace,
  hash: string,
  parts: BundleParts,
): Promise<void> {
  const { kept } = place
  if (existsSync(join(kept, hash))) return
  const draft = join(kept, `.fetched-${randomUUID()}`)
  await withEnd(
    async () => {
      await fetchInto(draft, place, hash, parts)
      await keepBundle(await loadBundle(draft), kept)
    },
    () => rm(draft, { recursive: true, force: true }),
  )
}

async function fetchInto(
  folder: string,
  { log, topic }: BundlePlace,
  hash: string,
  parts: BundleParts,
): Promise<void> {
  const found = new Map<string, Buffer>()
  await readToEnd(log, { topic, partition: 0 }, ({ key, value }) => {
    const name = String(key)
    if (name.startsWith(`${markOf(hash)}/`)) found.set(name, value!)
  })
  await mkdir(folder, { recursive: true })
  for (const [file, count] of Object.entries(parts)) {
    const keys = Array.from({ length: count }, (_, part) => partKey(hash, file, part))
    const missing = keys.find((key) => !found.has(key))
    if (missing !== undefined) {
      throw ioError('GENERATIONS_DAMAGED', `${topic} lacks ${missing}`)
    }
    await writeFile(join(folder, file), Buffer.concat(keys.map((key) => found.get(key)!)))
  }
}
