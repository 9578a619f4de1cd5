/**
 * A feature declaration as plain data: what the language builds, what is hashed, what the engine
 * compiles, and what a second, naive implementation can read without sharing a line with it.
 */

/** A window of `lengthMs` made of tiles of `tileMs`; see `windowOf` for the default tile. */
export interface WindowSpec {
  readonly lengthMs: number
  readonly tileMs: number
}

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>='

/** A condition on the fields of one event; false where the field is null. */
export type ConditionSpec =
  | { readonly op: Comparison; readonly field: string; readonly value: string | number | boolean }
  | { readonly op: 'in'; readonly field: string; readonly values: readonly (string | number)[] }
  | { readonly op: 'present'; readonly field: string }
  | { readonly op: 'and' | 'or'; readonly of: readonly ConditionSpec[] }
  | { readonly op: 'not'; readonly of: ConditionSpec }

/** Which events an aggregate reads; `field` null means the event itself. */
export interface SourceSpec {
  readonly event: string
  readonly field: string | null
  readonly where: ConditionSpec | null
}

export type AggregateKind =
  'count' | 'sum' | 'mean' | 'min' | 'max' | 'stddev' | 'distinct' | 'latest' | 'first'

export type FeatureExpression =
  /** `window` null: over the whole history. */
  | {
      readonly kind: AggregateKind
      readonly source: SourceSpec
      readonly window: WindowSpec | null
    }
  /** Count or sum per day of the window's nominal length. */
  | {
      readonly kind: 'rate'
      readonly of: 'count' | 'sum'
      readonly source: SourceSpec
      readonly window: WindowSpec
    }
  /** Whole 24-hour periods since the newest (`of: latest`) or oldest event in the window. */
  | {
      readonly kind: 'daysSince'
      readonly of: 'latest' | 'first'
      readonly source: SourceSpec
      readonly window: WindowSpec | null
    }
  /** Whole 24-hour periods since the first event of the type in the whole history. */
  | { readonly kind: 'tenure'; readonly source: SourceSpec }
  | {
      readonly kind: 'ratio'
      readonly numerator: FeatureExpression
      readonly denominator: FeatureExpression
    }
  /** (rate over `window` − rate over `against`) / |rate over `against`| · 100. */
  | {
      readonly kind: 'change'
      readonly of: 'count' | 'sum'
      readonly source: SourceSpec
      readonly window: WindowSpec
      readonly against: WindowSpec
    }

export interface FeatureSpec {
  readonly name: string
  readonly type: 'long' | 'double' | 'string'
  readonly expression: FeatureExpression
  /** Grows by construction (tenure, totals): drift is not judged by it. */
  readonly growing: boolean
}

/** Carried on each row: an event of the source lies in the exact window `[t − withinMs, t)`. */
export interface EligibleSpec {
  readonly source: SourceSpec
  readonly withinMs: number
}

export interface FeatureSetSpec {
  readonly name: string
  readonly version: number
  readonly features: readonly FeatureSpec[]
}
