/** Everything that an engine with the hash for a model has emitted, derived again. */
import { join } from 'node:path'
import { EmbeddedLog } from '../../../src/log/embedded-log.js'
import { featureProgram } from '../../../src/operators/program.js'
import { verify, type VerifyReport } from '../../../src/replay/verify.js'
import { MemoryStoreHome } from '../../../src/state/memory-store.js'
import { app, layout, topics } from './churn-parts.js'
import { hashScorer } from './scoring.js'

export async function verifyDirectory(directory: string): Promise<VerifyReport> {
  const log = await EmbeddedLog.open(join(directory, 'log'), { mustExist: true })
  const home = new MemoryStoreHome()
  try {
    return await verify({
      log,
      topics,
      program: featureProgram(app.engine),
      codec: app.codec,
      rules: app.rules,
      layout,
      scorerOf: async (hash) => (hash === hashScorer.bundle.hash ? hashScorer : null),
      scratch: (partition) => home.open(partition),
    })
  } finally {
    await log.close()
  }
}

/** What of a report says that something is wrong, or was not looked at. */
export function reportFaults(report: VerifyReport): string[] {
  const { mismatches, missing, bundlesMissing, findings, features, scores, commits } = report
  const faults: string[] = []
  if (mismatches > 0) faults.push(`verify: ${mismatches} mismatches`)
  if (missing > 0) faults.push(`verify: ${missing} missing rows`)
  if (Object.keys(bundlesMissing).length > 0) faults.push('verify: bundles are missing')
  if (features === 0 || scores === 0 || commits === 0) faults.push('verify has verified nothing')
  return [...faults, ...findings.slice(0, 5).map((finding) => JSON.stringify(finding))]
}
