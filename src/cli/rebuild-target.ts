/** Which declaration a rebuild is to. */
import { configurationError } from '../errors.js'
import { compileStored } from '../features/stored-app.js'
import { generationOf as inPosition } from '../operators/generation.js'
import type { Position } from '../operators/position.js'
import type { DataOwner } from './data-directory.js'
import { askedNumber, generationOf } from './generations.js'
import { bundlesOf, type LoadedApp, loadApp } from './load-app.js'

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
  if (back !== true) return loadApp(app ?? owner.reference, cwd)
  if (owner.before === undefined) {
    const text = 'there is no generation before: no tidemark rebuild has ended here'
    throw configurationError('GENERATION_NONE', text)
  }
  const { reference, app: stored } = generationOf(owner, owner.before)
  return { app: compileStored(stored), reference, bundles: bundlesOf(reference) }
}

/** Whether the generation asked for has taken over all partitions that have any commit. */
export function isTaken(owner: DataOwner, positions: readonly (Position | null)[]): boolean {
  const asked = askedNumber(owner)
  return positions.every((position) => position === null || inPosition(position) === asked)
}
