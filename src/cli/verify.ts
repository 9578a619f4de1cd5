/** `tidemark verify`: re-derives everything that a data directory's engine has emitted. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { exitCode, TidemarkError } from '../errors.js'
import type { App } from '../features/app.js'
import type { CustomerState } from '../features/engine.js'
import type { Column } from '../features/rows.js'
import { verify, type VerifyReport } from '../replay/verify.js'
import type { Finding } from '../replay/findings.js'
import type { VerifiedGeneration } from '../replay/verify-options.js'
import type { Scorer } from '../scoring/scorer.js'
import { LevelStoreHome } from '../state/level-store-home.js'
import { appParts } from './app-parts.js'
import { findScorer } from './find-scorer.js'
import { positiveNumber } from './flags.js'
import type { DataOwner } from './data-directory.js'
import type { Generation } from './generation.js'
import { askedNumber, generationsIn } from './generations.js'
import type { CliIo } from './io.js'
import { compileListed } from './listed-ids.js'
import { bundlesOf } from './load-app.js'
import { addSourceFlags, type OpenSource, type SourceFlags, withSource } from './open-source.js'
import { Progress } from './progress.js'
import { stoppable } from './stop.js'
import { withEnd } from './with-end.js'

interface Flags extends SourceFlags {
  readonly sample?: number
  readonly json?: boolean
}

export function verifyCommand(program: Command, io: CliIo): void {
  addSourceFlags(program.command('verify'))
    .description('derive every emitted row and score again; exit 1 where one differs or is missing')
    .option(
      '--sample <percent>',
      'compare the rows of so many percent of the customers',
      positiveNumber('a percentage', 100),
    )
    .option('--json', 'the report as JSON on stdout')
    .action((flags: Flags) => stoppable(io, (stop) => runVerify(flags, io, stop)))
}

/**
 * Verifies. Raises `VERIFY_FAILED` (exit 1) where a row differs or is missing, and what `withSource`
 * and `verify` raise.
 */
export async function runVerify(flags: Flags, io: CliIo, stop: AbortSignal): Promise<void> {
  const report = await withSource(flags, io, stop, async (data) => {
    const scratch = await mkdtemp(join(tmpdir(), 'tidemark-verify-'))
    const bundles = new Bundles(data.models, data.listedBundles)
    return withEnd(
      () => verifyData(data, scratch, bundles, flags, io, stop),
      async () => {
        await bundles.close()
        await rm(scratch, { recursive: true, force: true })
      },
    )
  })
  io.out(flags.json ? `${JSON.stringify(report)}\n` : verifyText(report))
  if (report.ok) return
  const text = `${report.mismatches} mismatches and ${report.missing} missing rows`
  throw new TidemarkError('VERIFY_FAILED', text, { exit: exitCode.bug })
}

async function verifyData(
  data: OpenSource,
  scratch: string,
  bundles: Bundles,
  flags: Flags,
  io: CliIo,
  stop: AbortSignal,
): Promise<VerifyReport> {
  const { app, bundles: root } = data.loaded
  const progress = new Progress(io, 'verify', 'records')
  const home = new LevelStoreHome(scratch, 'state')
  let opened = 0
  const asked = askedNumber(data.owner)
  const others = generationsIn(data.owner).filter(({ number }) => number !== asked)
  const report = await verify({
    log: data.log,
    topics: data.topics,
    ...verifiedBy(app, root, bundles),
    generation: asked,
    ...(others.length === 0 ? {} : { others: storedBy(data.owner!, others, bundles) }),
    scratch: () => home.open(opened++),
    ...(flags.sample === undefined ? {} : { sample: flags.sample }),
    signal: stop,
    onProgress: (records, total) => progress.update(records, total),
  })
  progress.end(report.records)
  return report
}

function verifiedBy(app: App, root: string, bundles: Bundles): VerifiedGeneration<CustomerState> {
  return {
    ...appParts(app),
    scorerOf: (hash) => bundles.scorerOf(hash, app, root),
  }
}

/** Generations that only the data directory knows by now. */
function storedBy(owner: DataOwner, others: readonly Generation[], bundles: Bundles) {
  return new Map(
    others.map((generation) => {
      const app = compileListed(owner, generation)
      return [generation.number, verifiedBy(app, bundlesOf(generation.reference), bundles)]
    }),
  )
}

/** Bundles by hash, each opened once for an app's columns: the kept copies first, then its own. */
class Bundles {
  private readonly opened = new Map<string, Promise<Scorer | null>>()
  /** The folder of those that the brokers keep, once one was asked for. */
  private listed: Promise<string> | null = null

  constructor(
    private readonly kept: string,
    private readonly fetch: OpenSource['listedBundles'],
  ) {}

  scorerOf(hash: string, { engine }: App, root: string): Promise<Scorer | null> {
    const key = `${hash} ${engine.appHash}`
    let scorer = this.opened.get(key)
    if (scorer === undefined) {
      scorer = this.find(hash, engine.columns, root)
      this.opened.set(key, scorer)
    }
    return scorer
  }

  private async find(hash: string, columns: readonly Column[], root: string) {
    this.listed ??= this.fetch?.() ?? null
    const roots = this.listed === null ? [root] : [root, await this.listed]
    return findScorer(hash, { kept: this.kept, roots, columns })
  }

  async close(): Promise<void> {
    for (const scorer of this.opened.values()) await (await scorer)?.close()
  }
}

/** What a person wants to know; the findings are told one a line. */
export function verifyText(report: VerifyReport): string {
  const { features, scores, scoresWithin, commits, records, mismatches, missing } = report
  const lines = [
    `${features} feature rows and ${scores} scores of ${commits} commits over ${records} records`,
    `${mismatches} mismatches, ${missing} missing; scores compared bit for bit`,
  ]
  if (scoresWithin > 0) {
    const where = 'made by another onnxruntime or CPU'
    lines.push(`except ${scoresWithin} scores ${where}: those within 1e-6`)
  }
  for (const [hash, count] of Object.entries(report.bundlesMissing)) {
    lines.push(`could not check ${count} scores: there is no bundle ${hash}`)
  }
  if (report.erased > 0) lines.push(`left out ${report.erased} rows of customers erased since`)
  if (report.unsampled > 0) lines.push(`left out ${report.unsampled} rows beside the sample`)
  if (report.uncommitted > 0) lines.push(`${report.uncommitted} records are not committed yet`)
  return `${[...lines, ...report.findings.map(findingText)].join('\n')}\n`
}

function findingText(finding: Finding): string {
  const { kind, partition, commit, customer, topic, offset, due, came } = finding
  const who = customer === null ? '' : ` customer ${JSON.stringify(customer)},`
  const where = offset === null ? `${topic}` : `${topic} offset ${offset}`
  return `${kind}:${who} commit ${commit} of partition ${partition}, ${where}: due ${due}; came ${came}`
}
