/**
 * The generations of an app's data: which declarations its state was made by, and which of them is
 * asked for. They stand in `app.json`, or in a topic on Kafka (`generations-topic.ts`), as data, so
 * that each can run and be verified when the app's folder says something else.
 *
 * N1 What is asked for is one durable write; the log's last position says what is in force.
 * N2 A generation that was in force once is never taken off the list: commits name it.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { configurationError } from '../errors.js'
import { type StoredApp, storedApp } from '../features/stored-app.js'
import type { AskedGeneration } from '../topology/parts.js'
import { type DataOwner, dataOwner, writeOwner } from './data-directory.js'
import { takeLock } from './directory-lock.js'
import type { Generation, GenerationModels } from './generation.js'
import type { LoadedApp } from './load-app.js'

/** The number of the generation that is asked for. */
export function askedNumber(owner: Pick<DataOwner, 'generation'> | null): number {
  return owner?.generation ?? 1
}

export function generationsIn(owner: DataOwner | null): readonly Generation[] {
  return owner?.generations ?? []
}

/** What the topology has to know of the generations; undefined where there is only one. */
export function askedOf(owner: DataOwner | null, number: number): AskedGeneration | undefined {
  const generations = generationsIn(owner)
  if (generations.length === 0) return undefined
  return { number, appHashes: new Map(generations.map((one) => [one.number, one.app.appHash])) }
}

/** The same of the generation asked for, for who reads the log. */
export function generationPart(owner: DataOwner | null): { generation?: AskedGeneration } {
  const generation = askedOf(owner, askedNumber(owner))
  return generation === undefined ? {} : { generation }
}

/** @throws TidemarkError GENERATION_UNKNOWN (78) */
export function generationOf(owner: DataOwner | null, number: number): Generation {
  const found = generationsIn(owner).find((generation) => generation.number === number)
  if (found !== undefined) return found
  throw configurationError('GENERATION_UNKNOWN', `the list knows no generation ${number}`)
}

/** Where a generation keeps its state and its snapshots: the first one where it always was. */
export function folderOf(directory: string, number: number): string {
  return number === 1 ? directory : join(directory, 'generations', String(number))
}

/** One rebuild of a directory at a time. Raises `DIRECTORY_LOCKED` (78). */
export async function lockGenerations(directory: string): Promise<() => Promise<void>> {
  const folder = join(directory, 'generations')
  await mkdir(folder, { recursive: true })
  return takeLock(folder)
}

/** Where the generations of an app stand: in a directory's `app.json`, or in a topic. */
export interface GenerationList {
  /** As it is by now. */
  read(): Promise<DataOwner>
  /** One durable write. */
  write(owner: DataOwner): Promise<void>
  /** Takes away what a generation has that was never finished; without it, it stays listed. */
  drop?(number: number): Promise<void>
}

export function generationsOf(directory: string): GenerationList {
  return {
    read: async () => (await dataOwner(directory))!,
    write: (owner) => writeOwner(directory, owner),
    drop: (number) => rm(folderOf(directory, number), { recursive: true, force: true }),
  }
}

/** Lists the first generation, or the models by which the one in force is scored, where nobody has. */
export async function listFirst(
  list: GenerationList,
  app: StoredApp,
  models: GenerationModels | null,
): Promise<DataOwner> {
  const owner = await list.read()
  const { reference } = owner
  const number = askedNumber(owner)
  const known = generationsIn(owner).find((one) => one.number === number)
  if (known !== undefined && (known.models !== null || models === null)) return owner
  const first: Generation = { number, reference, app, isBuilt: true, ...known, models }
  const others = generationsIn(owner).filter((one) => one !== known)
  const listed = { ...owner, generation: number, generations: [first, ...others] }
  await list.write(listed)
  return listed
}

/**
 * Lists a declaration as a generation to be built, or finds it there. One that was never finished
 * gives its place to another, where the list can drop it.
 */
export async function listGeneration(
  list: GenerationList,
  loaded: LoadedApp,
  models: GenerationModels | null,
  replaced: (number: number) => void,
): Promise<Generation> {
  const owner = await list.read()
  const { appHash } = loaded.app.engine
  const listed = generationsIn(owner)
  const known = listed.find((generation) => generation.app.appHash === appHash)
  const dropped =
    list.drop === undefined ? [] : listed.filter((one) => one !== known && !one.isBuilt)
  for (const { number } of dropped) {
    replaced(number)
    await list.drop!(number)
  }
  const others = listed.filter((one) => one !== known && !dropped.includes(one))
  const number = known?.number ?? Math.max(...others.map((one) => one.number)) + 1
  const { reference, app } = loaded
  const isBuilt = known?.isBuilt ?? false
  const generation = { number, reference, app: storedApp(app), models, isBuilt }
  await list.write({ ...owner, generations: [...others, generation] })
  return generation
}

/** Asks for a generation that has been built: the list is its from now on. */
export async function askFor(list: GenerationList, number: number): Promise<void> {
  const owner = await list.read()
  const { reference, app } = generationOf(owner, number)
  const { appHash, declaration } = app
  const generations = generationsIn(owner).map((generation) =>
    generation.number === number ? { ...generation, isBuilt: true } : generation,
  )
  const before = askedNumber(owner)
  const asked = { reference, appHash, declaration, generation: number, before, generations }
  await list.write({ ...owner, ...asked })
}
