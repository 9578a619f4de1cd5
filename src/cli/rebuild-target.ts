/** Which declaration a rebuild is to. */
import { configurationError } from '../errors.js'
import { generationOf as inPosition } from '../operators/generation.js'
import type { Position } from '../operators/position.js'
import type { SchemaSource } from '../schemas/schemas.js'
import type { DataOwner } from './data-directory.js'
import { askedNumber, generationOf } from './generations.js'
import { compileListed } from './listed-ids.js'
import { bundlesOf, type LoadedApp } from './load-app.js'
import { loadedOf } from './open-data.js'

/**
 * The app that is named, or that the data is of and that may say something else by now; with `back`
 * the generation before, as it was stored.
 *
 * @throws TidemarkError GENERATION_NONE (78), and what `loadApp` throws
 */
export async function targetOf(
  owner: DataOwner,
  { app, back }: { readonly app?: string; readonly back?: boolean },
  cwd: string,
): Promise<LoadedApp> {
  return back === true ? backTarget(owner) : loadedOf(app ?? null, owner, cwd, 'any')
}

/**
 * The generation asked for before, as it was stored.
 *
 * @throws TidemarkError GENERATION_NONE (78)
 */
export function backTarget(owner: DataOwner, source?: SchemaSource): LoadedApp {
  if (owner.before === undefined) {
    const text = 'there is no generation before: no tidemark rebuild has ended here'
    throw configurationError('GENERATION_NONE', text)
  }
  const generation = generationOf(owner, owner.before)
  const { reference } = generation
  return { app: compileListed(owner, generation, source), reference, bundles: bundlesOf(reference) }
}

/** Whether the generation asked for has taken over all partitions that have any commit. */
export function isTaken(owner: DataOwner, positions: readonly (Position | null)[]): boolean {
  const asked = askedNumber(owner)
  return positions.every((position) => position === null || inPosition(position) === asked)
}
