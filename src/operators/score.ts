import { concatMap, type OperatorFunction } from 'rxjs'
import type { Scoring } from '../scoring/scorer.js'
import type { Commit, ScoredCommit } from './batch.js'

/** Scores the rows of a commit once, in one call. */
export function score<S>(scoring: Scoring): OperatorFunction<Commit<S>, ScoredCommit<S>> {
  return concatMap(async (commit) => ({ ...commit, scores: await scoring.score(commit.rows) }))
}
