/**
 * What it costs the owner of a log that another process reads all of it through the socket, beside
 * reading it oneself. W1's events, as they were written.
 *
 * Not measured: a cold disk, and what the reader does with the records.
 *
 * Usage: tsx bench/shared-log.ts [events]
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EmbeddedLog } from '../src/log/embedded-log.js'
import type { EventLog } from '../src/log/log.js'
import { SharedLog } from '../src/log/shared-log.js'
import { LogServer } from '../src/log/shared-server.js'
import { cpuSince, Report } from './support/report.js'
import { fillW1 } from './support/w1.js'

const topic = 'w1'
const script = fileURLToPath(import.meta.url)
if (process.argv[2] === '--reader') {
  const log = await SharedLog.open(process.argv[3])
  await readAll(log!)
  await log!.close()
} else {
  await measure(Number(process.argv[2] ?? 500_000))
}

async function measure(events: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-shared-'))
  const report = new Report(`Reading ${events} events of W1 beside the owner of their log`)
  const log = await EmbeddedLog.open(join(folder, 'log'), { timeBase: { kind: 'none' } })
  await fillW1(log, topic, events, 5000)
  const path = join(folder, 'owner.sock')
  const server = await LogServer.listen(log, path, {
    onFault: console.error,
    history: async () => null,
  })
  for (let round = 1; round <= 5; round++) {
    let before = process.cpuUsage()
    await readAll(log)
    report.figure(cpuSince(before) / events, 'a record, read by the owner itself')
    before = process.cpuUsage()
    await readElsewhere(path)
    report.figure(cpuSince(before) / events, 'a record, of the owner who serves it')
  }
  await server.close()
  await log.close()
  await rm(folder, { recursive: true })
}

function readElsewhere(path: string): Promise<unknown> {
  const args = [...process.execArgv, script, '--reader', path]
  const child = spawn(process.execPath, args, { stdio: 'inherit' })
  return new Promise((resolve) => child.on('close', resolve))
}

async function readAll(log: EventLog): Promise<void> {
  const reader = log.reader(topic, 0, 0)
  while (!(await reader.poll(1024, 0)).atEnd);
  await reader.close()
}
