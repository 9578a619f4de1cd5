/**
 * The model in force and its fallback, and how another one takes their place while the job runs.
 *
 * S1 a bundle that does not load, does not fit or fails its own test changes nothing.
 * S2 `atCommitBorder()` answers with one fixed pair of models: what a commit took at its border it
 *    keeps to its end, whatever is reloaded meanwhile.
 * S3 reloads happen one after the other, in the order in which they were asked.
 */
import { configurationError, TidemarkError } from '../errors.js'
import { GuardedScorer, type ScoringObserver } from './guarded-scorer.js'
import type { BundleInfo, Scorer, Scoring } from './scorer.js'

export type ModelAlias = 'champion' | 'fallback'

export interface SlotObserver extends ScoringObserver {
  /** `bundle` takes effect at each partition's next commit border. */
  reloaded(alias: ModelAlias, bundle: BundleInfo): void
  /** The bundle in `folder` was refused; `kept` stays. This is to be an alert. */
  refused(alias: ModelAlias, folder: string, error: TidemarkError, kept: BundleInfo | null): void
}

export interface SlotOptions {
  readonly champion: Scorer
  readonly fallback: Scorer | null
  /** Loads and proves the bundle in a folder: `openModel` with the app that runs. */
  readonly open: (folder: string) => Promise<Scorer>
  readonly observer: SlotObserver
}

export type Reload =
  | { readonly outcome: 'reloaded' | 'unchanged'; readonly bundle: BundleInfo }
  | {
      readonly outcome: 'refused'
      readonly bundle: BundleInfo | null
      readonly error: TidemarkError
    }

export class ModelSlot {
  private champion: Scorer
  private fallback: Scorer | null
  private scoring: Scoring
  private tail: Promise<unknown> = Promise.resolve()

  constructor(private readonly options: SlotOptions) {
    this.champion = options.champion
    this.fallback = options.fallback
    this.scoring = new GuardedScorer(this.champion, this.fallback, options.observer)
  }

  /** What the commit that opens now is scored with. Ask at commit borders only (S2). */
  atCommitBorder(): Scoring {
    return this.scoring
  }

  /**
   * Replaces a model by the bundle in `folder`, or keeps the old one and tells the observer why.
   * Never rejects.
   *
   * @example
   * const reload = await slot.reload('champion', 'bundles/churn/champion')
   * if (reload.outcome === 'refused') log.warn(reload.error.message)
   */
  reload(alias: ModelAlias, folder: string): Promise<Reload> {
    const turn = this.tail.then(() => this.replace(alias, folder))
    this.tail = turn
    return turn
  }

  /** Frees both models; a reload that runs is waited for. */
  async close(): Promise<void> {
    await this.tail
    await this.champion.close()
    await this.fallback?.close()
  }

  private async replace(alias: ModelAlias, folder: string): Promise<Reload> {
    const { observer } = this.options
    const old = alias === 'champion' ? this.champion : this.fallback
    let opened: Scorer
    try {
      opened = await this.options.open(folder)
    } catch (cause) {
      const error = asTidemarkError(cause, folder)
      observer.refused(alias, folder, error, old?.bundle ?? null)
      return { outcome: 'refused', bundle: old?.bundle ?? null, error }
    }
    if (opened.bundle.hash === old?.bundle.hash) {
      await opened.close()
      return { outcome: 'unchanged', bundle: old.bundle }
    }
    // The old model is not closed: commits under way still hold it. Its memory goes with them.
    if (alias === 'champion') this.champion = opened
    else this.fallback = opened
    this.scoring = new GuardedScorer(this.champion, this.fallback, observer)
    observer.reloaded(alias, opened.bundle)
    return { outcome: 'reloaded', bundle: opened.bundle }
  }
}

function asTidemarkError(cause: unknown, folder: string): TidemarkError {
  if (cause instanceof TidemarkError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return configurationError('MODEL_INVALID', `bundle ${folder} cannot be loaded: ${reason}`, cause)
}
