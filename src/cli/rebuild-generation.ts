/**
 * What `tidemark rebuild` makes: an entry in the list of generations, once its model is known to
 * fit, and the state.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { canonicalJson } from '../features/canonical-json.js'
import type { FeatureSpec } from '../features/spec.js'
import { type StoredApp, storedApp } from '../features/stored-app.js'
import { topicsOf } from '../log/log.js'
import type { Position } from '../operators/position.js'
import { loadBundle } from '../scoring/bundle.js'
import { keepBundle } from '../scoring/bundle-folders.js'
import { noBundle } from '../scoring/no-model.js'
import { buildState } from '../topology/build-state.js'
import { defaultSettings } from '../topology/settings.js'
import { appParts } from './app-parts.js'
import type { DataOwner } from './data-directory.js'
import type { Generation, GenerationModels } from './generation.js'
import { askedNumber, askedOf, generationsIn } from './generations.js'
import { listFirst, listGeneration } from './generations.js'
import type { CliIo } from './io.js'
import { withListedIds } from './listed-ids.js'
import { bundlesOf, type LoadedApp, loadApp } from './load-app.js'
import { openModels } from './open-models.js'
import { Progress } from './progress.js'
import type { RebuildPlace } from './rebuild-place.js'

interface Wanted {
  readonly place: RebuildPlace
  readonly positions: readonly (Position | null)[]
  readonly flags: { readonly model?: string; readonly fallback?: string }
  readonly io: CliIo
}

/**
 * Lists the generation that a rebuild is to. Before anything is written it is known that the model
 * fits and that ids mean what they meant.
 */
export async function nextGeneration(wanted: Wanted): Promise<Generation> {
  const { place, io } = wanted
  const { owner, loaded, list, models: kept } = place
  const { app } = loaded
  const known = generationsIn(owner).find((one) => one.app.appHash === app.engine.appHash)
  const inForce = await modelsInForce(wanted)
  const models = await fittingModels(wanted, known?.isBuilt ? known.models : inForce)
  const first = await firstApp(owner, app.schemaIds, io.cwd)
  // Raises where an id of the data means something else in the app, whether it was listed or not.
  withListedIds([{ number: askedNumber(owner), app: first }], app.schemaIds, () => app)
  const listed = await listFirst(list, first, inForce)
  if (models !== null) await noteChanged(listed, loaded, join(kept, models.model), io)
  return listGeneration(list, loaded, models, (number) =>
    io.err(`tidemark: generation ${number}, which was never finished, is replaced\n`),
  )
}

/** The model that the last commit names, and the fallback that goes with it. */
async function modelsInForce({ place, positions }: Wanted): Promise<GenerationModels | null> {
  const { owner, models: kept } = place
  const model = positions.find((position) => position !== null)?.model.hash ?? noBundle.hash
  if (model === noBundle.hash) return null
  await place.haveBundle?.(model)
  const asked = askedNumber(owner)
  const recorded = generationsIn(owner).find(({ number }) => number === asked)?.models ?? null
  if (recorded !== null) {
    if (recorded.fallback !== null) await place.haveBundle?.(recorded.fallback)
    return { model, fallback: recorded.fallback }
  }
  const folder = join(bundlesOf(owner.reference), 'fallback')
  if (!existsSync(folder)) return { model, fallback: null }
  const bundle = await loadBundle(folder)
  await keepBundle(bundle, kept)
  return { model, fallback: bundle.info.hash }
}

/** Opens the models as `start` will, for they must fit; raises what that raises. */
async function fittingModels(
  { place, flags, io }: Wanted,
  recorded: GenerationModels | null,
): Promise<GenerationModels | null> {
  const { owner, loaded, models: kept } = place
  for (const hash of [recorded?.model, recorded?.fallback]) {
    if (typeof hash === 'string') await place.haveBundle?.(hash)
  }
  const path = (given: string | undefined) => (given === undefined ? null : resolve(io.cwd, given))
  const opened = await openModels(
    loaded.app,
    {
      model: path(flags.model),
      fallback: path(flags.fallback),
      bundles: loaded.bundles,
      kept,
      recorded,
      earlier: new Set([owner.appHash, ...generationsIn(owner).map((one) => one.app.appHash)]),
    },
    { scored: () => undefined, degraded: () => undefined },
  )
  await opened.close()
  return opened.chosen
}

/**
 * The first generation as data. Where its folder says something else by now, its ids are those of the
 * next one, for they only grow.
 */
async function firstApp(
  owner: DataOwner,
  schemaIds: StoredApp['schemaIds'],
  cwd: string,
): Promise<StoredApp> {
  const { appHash, declaration } = owner
  // A folder that does not load any more is no hindrance to leaving it.
  const loaded = await loadApp(owner.reference, cwd).catch(() => null)
  if (loaded?.app.engine.appHash === appHash) return storedApp(loaded.app)
  return { appHash, declaration, schemaIds, growing: [], synthetic: false }
}

/** A model goes on with features of the same names; whoever changed what they mean is told. */
async function noteChanged(
  owner: DataOwner,
  { app }: LoadedApp,
  folder: string,
  io: CliIo,
): Promise<void> {
  const { info, manifest } = await loadBundle(folder)
  if (info.appHash === app.engine.appHash) return
  const trained = generationsIn(owner).find((one) => one.app.appHash === info.appHash)
  const before = definitionsOf(trained?.app.declaration)
  const now = definitionsOf(app.declaration)
  const names = manifest.features.map(({ name }) => name)
  const changed = names.filter((name) => before.get(name) !== now.get(name))
  const name = `model ${info.name} ${info.version}`
  io.err(`tidemark: ${name} was trained for another generation and goes on\n`)
  if (changed.length === 0) return
  io.err(`tidemark: ${name} reads features that are declared otherwise: ${changed.join(', ')}\n`)
}

function definitionsOf(declaration: unknown): Map<string, string> {
  const { features } = declaration as { features: { features: readonly FeatureSpec[] } }
  return new Map(features.features.map(({ name, expression }) => [name, canonicalJson(expression)]))
}

interface Building {
  readonly place: RebuildPlace
  readonly next: Generation
  readonly flags: { readonly rate?: number }
  readonly io: CliIo
  readonly stop: AbortSignal
}

/** Builds the state of all partitions; answers how many records that took. */
export async function buildGeneration(building: Building): Promise<number> {
  const { place, next, flags, io, stop } = building
  const { log, loaded, logsState = false, settings } = place
  const { app } = loaded
  const topics = topicsOf(place.name, logsState ? next.number : 1)
  const generation = askedOf(await place.list.read(), next.number)!
  const parts = {
    ...appParts(app),
    generation,
    log,
    topics,
    logsState,
    home: place.home(next.number),
    settings: { ...defaultSettings, ...settings },
    note: (text: string) => io.err(`tidemark: ${text}\n`),
  }
  const pace = flags.rate === undefined ? {} : { pauseMs: paced(flags.rate) }
  const progress = new Progress(io, 'rebuild', 'records')
  let records = 0
  for (let partition = 0; partition < log.partitions(topics.events); partition++) {
    const before = records
    let from = -1
    const reached = (offset: number, end: number): void => {
      if (from < 0) from = offset
      records = before + offset - from
      progress.update(records, before + end - from)
    }
    const options = { reached, ...pace, isKnown: next.isBuilt, stop }
    await buildState(parts, partition, options).catch((error: unknown) => {
      throw stop.aborted ? stop.reason : error
    })
  }
  progress.end(records)
  return records
}

/** Pauses that keep reading at `rate` records a second. */
function paced(rate: number): (records: number) => number {
  let nextMs = performance.now()
  return (records) => {
    const now = performance.now()
    nextMs = Math.max(now, nextMs) + (records / rate) * 1000
    return nextMs - now
  }
}
