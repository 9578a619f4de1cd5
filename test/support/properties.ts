/**
 * How long properties are tried: about a minute for all of them together, more with
 * `PROPERTY_RUNS=20`; `PROPERTY_SEED=…` repeats the run whose seed stands in the tests' names.
 */
import fc from 'fast-check'

const runs = Number(process.env['PROPERTY_RUNS'] ?? 1)

export const propertySeed = Number(process.env['PROPERTY_SEED'] ?? Date.now() % 2 ** 31)

/** Vitest's own limit for a test that holds a property. */
export const propertyTimeoutMs = 30_000 * Math.max(1, runs)

/** Tries a property `count` times (times `PROPERTY_RUNS`), or as often as 8 s (times …) allow. */
export function holdsAlways<T>(count: number, property: fc.IProperty<T>): void {
  fc.assert(property, {
    seed: propertySeed,
    numRuns: Math.ceil(count * runs),
    interruptAfterTimeLimit: 8_000 * Math.max(1, runs),
    skipAllAfterTimeLimit: 25_000 * Math.max(1, runs),
  })
}
