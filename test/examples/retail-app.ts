/** The online retail app in this process, and what its data directories hold. */
import { featureSet } from '../../examples/online-retail/features.js'
import { eligible, labels } from '../../examples/online-retail/labels.js'
import { rules } from '../../examples/online-retail/rules.js'
import { schemaIds } from '../../examples/online-retail/schemas.gen.js'
import { layoutOf } from '../../src/cli/layout.js'
import { OutputRows } from '../../src/events/output-rows.js'
import { buildApp } from '../../src/features/build-app.js'
import { topicsOf, type EventLog, type StoredRecord } from '../../src/log/log.js'
import { featureProgram } from '../../src/operators/program.js'
import { verify, type VerifyReport } from '../../src/replay/verify.js'
import { openModel } from '../../src/scoring/onnx-scorer.js'
import { MemoryStoreHome } from '../../src/state/memory-store.js'
import { recordsOf, withLog } from './example-log.js'

export const app = buildApp({
  featureSet,
  schemaIds,
  rules,
  labels,
  eligible,
  synthetic: false,
})
export const topics = topicsOf(app.name)
export const outputs = new OutputRows(layoutOf(app))

/** What differs first between two logs' records of a topic, byte for byte; null where nothing. */
export async function recordDifference(
  left: EventLog,
  right: EventLog,
  topic: string,
): Promise<string | null> {
  const others = recordsOf(right, topic)
  for await (const record of recordsOf(left, topic)) {
    const { value: other } = (await others.next()) as { value: StoredRecord | undefined }
    if (other === undefined || !isSame(record, other)) {
      return `${topic} differs at offset ${record.offset}`
    }
  }
  return (await others.next()).done === true ? null : `${topic} goes on in one of the two`
}

function isSame(left: StoredRecord, right: StoredRecord): boolean {
  const isEqual = (a: Buffer | null, b: Buffer | null): boolean =>
    a === null || b === null ? a === b : a.equals(b)
  return (
    left.offset === right.offset &&
    left.timestamp === right.timestamp &&
    isEqual(left.key, right.key) &&
    isEqual(left.value, right.value) &&
    left.headers?.length === right.headers?.length &&
    (left.headers ?? []).every(([name, value], i) => {
      const [otherName, otherValue] = right.headers![i]
      return name === otherName && value.equals(otherValue)
    })
  )
}

/** Verifies a data directory by the function that the command calls. */
export async function verifyData(data: string, bundles: readonly string[]): Promise<VerifyReport> {
  const scorers = await Promise.all(bundles.map((folder) => openModel(folder, app.engine)))
  const byHash = new Map(scorers.map((scorer) => [scorer.bundle.hash, scorer]))
  try {
    return await withLog(data, (log) =>
      verify({
        log,
        topics,
        program: featureProgram(app.engine),
        codec: app.codec,
        rules: app.rules,
        layout: layoutOf(app),
        scorerOf: async (hash) => byHash.get(hash) ?? null,
        scratch: (partition) => new MemoryStoreHome().open(partition),
      }),
    )
  } finally {
    for (const scorer of scorers) await scorer.close()
  }
}
