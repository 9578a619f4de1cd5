/**
 * A round: processes that are killed one after the other over one data directory, then one that
 * is left alone, then the facts held against those of a run that never was killed.
 */
import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EmbeddedLog } from '../../../src/log/embedded-log.js'
import { partitionOf } from '../../../src/events/partition.js'
import type { VerifyReport } from '../../../src/replay/verify.js'
import { runNode, type ChildOptions, type NodeEnd } from '../child.js'
import { flipInTable } from '../rot.js'
import { app, topics } from './churn-parts.js'
import { bundledChild } from '../bundled-child.js'
import { commandPath } from './command-path.js'
import { dataFacts, factDifferences, sourceFaults, type DataFacts } from './data-facts.js'
import { reportFaults, verifyDirectory } from './verified.js'
import { madeUpRecords, writeSource, type SourceFile } from './input.js'

/** How a process ends. */
export interface Kill {
  /** At a failpoint, `name:nth`; it must be reached. */
  readonly at?: string
  /** At a failpoint that may be reached. */
  readonly perhapsAt?: string
  /** With SIGKILL, so many ms after its start. */
  readonly afterMs?: number
  /** SIGTERM so many ms after it has said that it runs, so that the failpoint lies in the drain. */
  readonly termAfterMs?: number
  /**
   * The store that rots before the process starts: `state/0`, `snapshots/0`. Only what LevelDB has
   * in a table by then, at its second opening, is damage for sure: in its log a flush may be rotten
   * whose every value was written anew since.
   */
  readonly rots?: string
}

/** Where the processes of a round work, and what they run. */
export interface Arena {
  readonly name: string
  readonly partitions: number
  /** About how long a process that nobody kills takes, in ms of wall time. */
  readonly lastsMs: number
  /** Makes the directory as it is before the first process. */
  prepare(directory: string): Promise<void>
  run(directory: string, options: ChildOptions): Promise<NodeEnd>
  /** What is wrong with the facts that only the arena can tell. */
  faults(facts: DataFacts): string[]
  /** Derives all that was emitted again; what differs, or is missing. */
  verify(directory: string): Promise<string[]>
}

/** `tidemark start --from FILE` as everybody runs it, over a historic log of its own making. */
export async function commandArena(
  folder: string,
  seed: number,
  customers: number,
): Promise<Arena> {
  const main = commandPath()
  const source: SourceFile = await writeSource(folder, seed, customers)
  const flags = ['--from', source.file, '--sql', source.sql, '--exit-when-done', '--json']
  return {
    name: 'command',
    partitions: 1,
    lastsMs: 3000,
    prepare: async () => undefined,
    run: (directory, options) =>
      runNode([main, 'start', '--data', directory, '--port', '0', ...flags], options),
    faults: (facts) => sourceFaults(facts, source.rows),
    verify: verifyCommand,
  }
}

/** `tidemark verify` as everybody runs it. */
export async function verifyCommand(directory: string): Promise<string[]> {
  const end = await runNode([commandPath(), 'verify', '--data', directory, '--json'])
  if (end.lines.length === 0) return [`verify ended with ${end.exitCode}: ${end.errors}`]
  const faults = reportFaults(JSON.parse(end.lines[0]) as VerifyReport)
  if (end.exitCode !== 0 && faults.length === 0) faults.push(`verify ended with ${end.exitCode}`)
  return faults
}

/** The engine alone with tiny bounds, over a log that holds all events from the beginning. */
export async function smallArena(
  folder: string,
  seed: number,
  customers: number,
  partitions: number,
): Promise<Arena> {
  const script = await bundledChild(fileURLToPath(new URL('small-engine.ts', import.meta.url)))
  const template = join(folder, `template-${partitions}`)
  await mkdir(template)
  const log = await EmbeddedLog.open(join(template, 'log'), {
    partitions,
    timeBase: { kind: 'none' },
  })
  const records = madeUpRecords(seed, customers, app.codec)
  for (let from = 0; from < records.length; from += 1000) {
    const transaction = log.begin('input')
    records.slice(from, from + 1000).forEach((record, i) => {
      const due = record.key === null ? 0 : partitionOf(record.key, partitions)
      // Now and then a producer with another partitioner.
      const partition = (from + i) % 200 === 0 ? (due + 1) % partitions : due
      transaction.append(topics.events, partition, record)
    })
    await transaction.commit()
  }
  await log.close()
  return {
    name: `small, ${partitions} partitions`,
    partitions,
    lastsMs: 1200,
    prepare: (directory) => cp(template, directory, { recursive: true }),
    run: (directory, options) => runNode([script, directory], options),
    faults: () => [],
    verify: async (directory) => reportFaults(await verifyDirectory(directory)),
  }
}

/** Runs until everything is committed; never killed. */
export async function finish(arena: Arena, directory: string): Promise<DataFacts> {
  const end = await arena.run(directory, {})
  if (end.exitCode !== 0) {
    throw new Error(`left alone it ended with ${end.exitCode ?? end.signal}: ${end.errors}`)
  }
  return dataFacts(directory)
}

/** Runs the kills, then finishes. Returns what is wrong; empty: nothing. */
export async function killRound(
  arena: Arena,
  directory: string,
  kills: readonly Kill[],
  due: DataFacts,
): Promise<string[]> {
  await rm(directory, { recursive: true, force: true })
  await arena.prepare(directory)
  const faults: string[] = []
  for (const kill of kills) {
    if (kill.rots !== undefined) await flipInTable(join(directory, kill.rots))
    const end = await arena.run(directory, optionsOf(kill))
    // A failpoint that is never reached would prove nothing.
    if (kill.at !== undefined && end.signal !== 'SIGKILL') {
      faults.push(`was not killed at ${kill.at} but ended with ${end.exitCode}: ${end.errors}`)
    }
    if (end.signal === null && end.exitCode !== 0) {
      faults.push(`ended with exit ${end.exitCode}: ${end.errors}`)
    }
  }
  const facts = await finish(arena, directory)
  const rotten = kills.filter(({ rots }) => rots !== undefined).length
  if (facts.aside.length < Math.min(rotten, 1)) faults.push('the damage was not found')
  if (rotten === 0 && facts.aside.length > 0) faults.push(`a crash cost ${facts.aside.join()}`)
  faults.push(...facts.faults, ...arena.faults(facts), ...factDifferences(facts, due))
  return [...faults, ...(await arena.verify(directory))]
}

function optionsOf({ at, perhapsAt, afterMs, termAfterMs }: Kill): ChildOptions {
  const failpoint = at ?? perhapsAt
  return {
    ...(failpoint === undefined ? {} : { failpoint: failpoint.replace(/:(\d+)$/, ':kill:$1') }),
    ...(afterMs === undefined ? {} : { killAfterStartMs: afterMs }),
    ...(termAfterMs === undefined ? {} : { termAfterMs }),
  }
}
