/** Feature sets at random over one small schema: every kind, many windows and tiles. */
import fc from 'fast-check'
import { columnType } from '../../src/features/field-types.js'
import type {
  EligibleSpec,
  FeatureExpression,
  FeatureSetSpec,
  WindowSpec,
} from '../../src/features/spec.js'
import { eventName, ofEvent, ofNumber, ofWord, testSchemas, total } from './arbitrary-sources.js'

export const minuteMs = 60_000
export const hourMs = 3_600_000
export const dayMs = 86_400_000

const lengths = [
  ...[1, 2, 24, 25, 36].map((hours) => hours * hourMs),
  ...[2, 7, 8, 30, 90, 180, 365].map((days) => days * dayMs),
  90 * minuteMs,
  1,
  1000,
]
const tiles = [1, 1000, minuteMs, 5 * minuteMs, hourMs, 6 * hourMs, dayMs, 7 * dayMs]

/** The default tile in five of eight windows, else any usual one that divides the length. */
export const windowSpec: fc.Arbitrary<WindowSpec> = fc
  .tuple(fc.constantFrom(...lengths), fc.nat({ max: 7 }), fc.nat({ max: 31 }))
  .map(([lengthMs, way, pick]) => {
    const dividing = [...tiles.filter((tileMs) => lengthMs % tileMs === 0), lengthMs]
    const usual = [1, 1000, minuteMs, hourMs, dayMs].filter(
      (tileMs) => lengthMs % tileMs === 0 && tileMs * 24 <= lengthMs,
    )
    const tileMs = way < 5 ? Math.max(1, ...usual) : dividing[pick % dividing.length]
    return { lengthMs, tileMs }
  })

/** Windows of one tile size: over one type of event they share what the engine keeps. */
const families: readonly (readonly WindowSpec[])[] = [
  [1, 1000, hourMs].map((lengthMs) => ({ lengthMs, tileMs: 1 })),
  [1, 1.5, 2, 24].map((hours) => ({ lengthMs: hours * hourMs, tileMs: minuteMs })),
  [24, 25, 36, 48, 168, 192].map((hours) => ({ lengthMs: hours * hourMs, tileMs: hourMs })),
  [2, 30, 90, 180, 365].map((days) => ({ lengthMs: days * dayMs, tileMs: dayMs })),
]

/** The windows that the features of one set are drawn from: often relatives, sometimes strangers. */
const palette = fc.oneof(
  fc.constantFrom(...families),
  fc.array(windowSpec, { minLength: 1, maxLength: 3 }),
  fc.array(windowSpec, { minLength: 4, maxLength: 6 }),
)

function expressions(window: fc.Arbitrary<WindowSpec>): fc.Arbitrary<FeatureExpression> {
  const windowOrAll = fc.option(window, { freq: 4, nil: null })
  const counted = fc.record({
    kind: fc.constant('count' as const),
    source: fc.oneof(ofEvent, ofNumber, ofWord),
    window: windowOrAll,
  })

  const measured = fc.record({
    kind: fc.constantFrom('sum', 'mean', 'min', 'max', 'stddev'),
    source: ofNumber,
    window: windowOrAll,
  })

  const rated = fc
    .tuple(total, window)
    .map(([{ of, source }, window]) => ({ kind: 'rate', of, source, window }) as const)

  const dated = fc.record({
    kind: fc.constant('daysSince' as const),
    of: fc.constantFrom('latest', 'first'),
    source: ofEvent,
    window: windowOrAll,
  })

  const divided = fc.record({
    kind: fc.constant('ratio' as const),
    numerator: fc.oneof(counted, measured, rated, dated),
    denominator: fc.oneof(counted, measured, rated, dated),
  })

  // The longer window includes the shorter one; of two equal ones there is no change.
  const changed = fc.tuple(total, window, window).map(([{ of, source }, one, other]) => {
    if (one.lengthMs === other.lengthMs) return { kind: 'rate', of, source, window: one } as const
    const [window, against] = one.lengthMs < other.lengthMs ? [one, other] : [other, one]
    return { kind: 'change', of, source, window, against } as const
  })

  const taken = fc.record({
    kind: fc.constantFrom('latest', 'first'),
    source: fc.oneof(ofWord, ofNumber),
    window: windowOrAll,
  })

  const differing = fc.record({
    kind: fc.constant('distinct' as const),
    source: fc.oneof(ofWord, ofNumber),
    window: windowOrAll,
  })

  const aged = fc.record({
    kind: fc.constant('tenure' as const),
    source: eventName.map((event) => ({ event, field: null, where: null })),
  })
  return fc.oneof(
    counted,
    differing,
    { weight: 3, arbitrary: measured },
    rated,
    dated,
    aged,
    fc.oneof(divided, changed),
    { weight: 2, arbitrary: taken },
  )
}

export const featureSetSpec: fc.Arbitrary<FeatureSetSpec> = palette
  .chain((windows) =>
    fc.array(expressions(fc.constantFrom(...windows)), {
      minLength: 1,
      maxLength: 7,
      size: 'max',
    }),
  )
  .map((all) => ({
    name: 'random',
    version: 1,
    features: all.map((one, i) => ({
      name: `f${i}`,
      type: columnType(one, testSchemas),
      expression: one,
      growing: false,
    })),
  }))

export const eligibleSpec: fc.Arbitrary<EligibleSpec | null> = fc.option(
  fc.record({
    source: ofEvent,
    withinMs: fc.constantFrom(hourMs, 7 * dayMs, 90 * dayMs, 1),
  }),
)
