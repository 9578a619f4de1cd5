/** Every kind of bad input has its coded outcome, and nothing else suffers from it. */
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { composeStart } from '../../src/cli/compose-start.js'
import { ingestCommand } from '../../src/cli/ingest.js'
import { runProgram } from '../../src/cli/program.js'
import { replayCommand } from '../../src/cli/replay.js'
import { startCommand } from '../../src/cli/start.js'
import { verifyCommand } from '../../src/cli/verify.js'
import { countedRecords } from '../../src/operators/position.js'
import { type BinaryEnd, runBinary } from '../support/binary.js'
import { TestIo } from '../cli/io.js'
import { sharedFolder, tempFolder } from '../support/temp-folder.js'
import { badDirectories, badFlags, impossibleFlags } from './bad-input/bad-flags.js'
import { badModels } from './bad-input/bad-models.js'
import { badDeclarations, badReplays, badSources } from './bad-input/bad-sources.js'
import type { CommandLine } from './bad-input/command-line.js'
import { makeShared, Place, type Shared } from './bad-input/place.js'
import type { RecordLine } from './bad-input/record-line.js'
import { type RecordRun, runRecords, witnesses } from './bad-input/record-run.js'
import { decided, dueOf, isCode, outcomeOf } from './bad-input/record-outcome.js'
import { keys, unreadable } from './bad-input/unreadable-records.js'
import { numbers, texts, times } from './bad-input/wrong-values.js'

const folder = sharedFolder()

describe('records', () => {
  const lines: readonly RecordLine[] = [...unreadable, ...keys, ...numbers, ...times, ...texts]
  let run: RecordRun
  beforeAll(async () => {
    run = await runRecords(join(folder, 'records'), lines)
  })

  const names = lines.map(({ row, given, outcome }) => `${row}: ${given} → ${outcome}`)
  test.each(names)('%s', (name) => {
    const index = names.indexOf(name)
    const line = lines[index]
    const { reason, values, ...came } = outcomeOf(run, line, index)
    expect(came).toEqual(dueOf(line))
    expect(reason).toContain(line.reason ?? '')
    expect(values).toMatchObject(line.values ?? {})
  })

  test('every record is accounted for, once, under its code', () => {
    const counted = { accepted: 0, duplicates: 0, late: 0, erasures: 0 }
    const rejected: Record<string, number> = {}
    for (const positions of run.positions) {
      const { counts, endOffset } = positions.at(-1)!
      expect(countedRecords(counts)).toBe(endOffset)
      for (const name of ['accepted', 'duplicates', 'late', 'erasures'] as const) {
        counted[name] += counts[name]
      }
      for (const [code, count] of Object.entries(counts.rejected)) {
        rejected[code] = (rejected[code] ?? 0) + count
      }
    }
    const due = (outcome: string) => lines.filter((line) => line.outcome === outcome).length
    const others = run.input.length - lines.length
    expect(counted).toEqual({
      accepted: due('accepted') + others,
      duplicates: due('duplicate'),
      late: due('late'),
      erasures: due('erasure'),
    })
    const codes = new Set(lines.map(({ outcome }) => outcome).filter(isCode))
    expect(rejected).toEqual(Object.fromEntries([...codes].map((code) => [code, due(code)])))
    expect(run.rejects).toHaveLength(Object.values(rejected).reduce((a, b) => a + b))
    expect(run.late).toHaveLength(counted.late)
  })

  test('the engine lives, and a second start finds nothing left to do', () => {
    expect(run.states).toEqual(['running', 'running'])
    for (const positions of run.positions) {
      expect(positions.map(({ commit }) => commit)).toEqual(positions.map((_, index) => index + 1))
    }
  })

  test('good customers notice nothing, and no border of a batch decides', async () => {
    const alone = await runRecords(join(folder, 'alone'), lines, { witnessesOnly: true })
    expect(alone.input).toHaveLength((lines.length + 1) * witnesses.length)
    for (const customer of witnesses) {
      const { values } = run.features.get(customer)!
      expect(values['logins_last_7_days']).toBe(lines.length + 1)
      expect(values).toEqual(alone.features.get(customer)!.values)
    }
    const settings = { batchRecordsMax: 1, commitRecordsMax: 3 }
    const oneByOne = await runRecords(join(folder, 'one-by-one'), lines, { settings })
    expect(oneByOne.rejects.map(decided)).toEqual(run.rejects.map(decided))
    expect(oneByOne.late.map(decided)).toEqual(run.late.map(decided))
    for (const [customer, row] of run.features) {
      expect(oneByOne.features.get(customer)?.values).toEqual(row?.values)
    }
  })
})

describe('commands', () => {
  const lines: readonly CommandLine[] = [
    ...badFlags,
    ...impossibleFlags,
    ...badDirectories,
    ...badSources,
    ...badDeclarations,
    ...badReplays,
    ...badModels,
  ]
  let shared: Shared
  beforeAll(async () => {
    shared = await makeShared(join(folder, 'shared'))
  }, 120_000)

  const names = lines.map(
    ({ row, given, code, exit }) => `${row}: ${given} → ${code}, exit ${exit}`,
  )
  test.for(names)('%s', { timeout: 120_000 }, async (name, { skip }) => {
    const line = lines[names.indexOf(name)]
    const { args, exit, code, says = [], after, uid, skipped = null } = line
    skip(skipped !== null, skipped ?? '')
    const place = new Place(await tempFolder(), shared)
    const given = await args(place)
    const end = line.inProcess
      ? await runHere(given)
      : await runBinary(given, uid === undefined ? {} : { uid })
    const { stderr } = end
    expect(stderr).toContain(`tidemark: ${code}: `)
    expect(end).toMatchObject({ exit, signal: null })
    // One sentence, and nothing of our insides.
    expect(stderr.match(/^tidemark: /gm)).toHaveLength(1)
    expect(stderr).not.toMatch(/^ {4}at /m)
    for (const part of says) expect(stderr).toContain(part)
    await after?.(place, end)
    expect(await place.faults()).toEqual([])
  })
})

/** Runs a command line as `main.ts` does. */
async function runHere(args: readonly string[]): Promise<BinaryEnd> {
  const io = new TestIo(false, process.cwd())
  const commands = [startCommand(composeStart), ingestCommand, replayCommand, verifyCommand]
  const exit = await runProgram(args, io, commands)
  return { exit, signal: null, stdout: io.stdout, stderr: io.stderr }
}
