import type { StoredApp } from '../features/stored-app.js'

/** Hashes of the bundles that a generation is scored by, as `DATA/models` keeps them. */
export interface GenerationModels {
  readonly model: string
  readonly fallback: string | null
}

/** A declaration that the state of a data directory was made by, or is being made by. */
export interface Generation {
  /** Counts from 1; positions name it. */
  readonly number: number
  /** How its app was named: `churn`, or an absolute folder, which may say something else by now. */
  readonly reference: string
  readonly app: StoredApp
  /** null: those that the app's folder has, if any. */
  readonly models: GenerationModels | null
  /** Whether it was in force, or asked for. */
  readonly isBuilt: boolean
}
