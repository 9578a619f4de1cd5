/**
 * How long properties are tried: about a minute for all of them together, more with
 * `PROPERTY_RUNS=20`. The same cases each time, so that a change alone turns a run red;
 * `PROPERTY_SEED=…` tries others, `PROPERTY_SEED=$RANDOM` new ones each time.
 */
import fc from 'fast-check'

const runs = Number(process.env['PROPERTY_RUNS'] ?? 1)

export const propertySeed = Number(process.env['PROPERTY_SEED'] ?? 39019101)

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

/** The same for a property that waits. */
export async function holdsAlwaysAsync<A, B>(
  count: number,
  first: fc.Arbitrary<A>,
  second: fc.Arbitrary<B>,
  property: (a: A, b: B) => Promise<void>,
): Promise<void> {
  await fc.assert(fc.asyncProperty(first, second, property), {
    seed: propertySeed,
    numRuns: Math.ceil(count * runs),
    interruptAfterTimeLimit: 10_000 * Math.max(1, runs),
  })
}
