/** `tidemark rejects`: the records that could not be used, with why. */
import { type Command, InvalidArgumentError } from 'commander'
import { exitCode, TidemarkError } from '../errors.js'
import { isReject } from '../events/event.js'
import { recordBytesMax, type StoredRecord } from '../log/log.js'
import { refusalOf } from '../operators/refusal.js'
import { type FoundReject, newestRejects, type RejectsFound } from '../replay/newest-rejects.js'
import { nonEmpty, wholeNumber } from './flags.js'
import type { CliIo } from './io.js'
import { addSourceFlags, type OpenSource, type SourceFlags, withSource } from './open-source.js'
import { Progress } from './progress.js'
import { stoppable } from './stop.js'
import { instantText, plainText, type ShownBytes, shownBytes } from './texts.js'

/** A list shows the beginning of each value, `show` all of it. */
const listedBytesMax = 256
/** Above the largest record. */
const wholeBytes = 2 * recordBytesMax
/** A key that is refused may be longer than any customer's. */
const keyBytesMax = 1024
const LIMIT_MAX = 1000

interface ListFlags extends SourceFlags {
  readonly code?: string
  readonly limit: number
  readonly json?: boolean
}

interface ShowFlags extends SourceFlags {
  readonly json?: boolean
}

interface Place {
  readonly partition: number
  readonly offset: number
}

export function rejectsCommand(program: Command, io: CliIo): void {
  const rejects = program
    .command('rejects')
    .description('the records that could not be used: which, and why')
  addSourceFlags(rejects.command('list'))
    .description('the newest rejects, newest last, and how many there are of each code')
    .option('--code <code>', 'only those of this code', nonEmpty('a code'))
    .option('--limit <n>', 'at most so many', wholeNumber('a limit', 1, LIMIT_MAX), 20)
    .option('--json', 'as one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  tidemark rejects list --code FIELD_RANGE --limit 5')
    .action((flags: ListFlags) => stoppable(io, (stop) => runList(flags, io, stop)))
  addSourceFlags(rejects.command('show'))
    .description('one reject, with the whole value')
    .argument('<place>', 'PARTITION:OFFSET, as the list has it', place)
    .option('--json', 'as one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  tidemark rejects show 0:12')
    .action((at: Place, flags: ShowFlags) => stoppable(io, (stop) => runShow(at, flags, io, stop)))
}

/** Prints the newest rejects. Raises what `withSource` and the log raise. */
export async function runList(flags: ListFlags, io: CliIo, signal: AbortSignal): Promise<void> {
  const progress = new Progress(io, 'rejects', 'records')
  const found = await withSource(flags, io, signal, ({ log, topics }) =>
    newestRejects({
      log,
      topic: topics.rejects,
      code: flags.code ?? null,
      limit: flags.limit,
      cut: beginning,
      signal,
      onProgress: (records) => progress.update(records, null),
    }),
  )
  progress.clear()
  io.out(flags.json ? `${JSON.stringify(listed(found))}\n` : listText(found))
}

/** Prints one reject. Raises `REJECT_NOT_FOUND` (74), and what `withSource` raises. */
export async function runShow(
  at: Place,
  flags: ShowFlags,
  io: CliIo,
  stop: AbortSignal,
): Promise<void> {
  const shown = await withSource(flags, io, stop, (data) => showReject(data, at))
  io.out(flags.json ? `${JSON.stringify(shown)}\n` : showText(shown))
}

/** As much of a value as a list shows, and one byte more, by which it is seen to be cut. */
function beginning(record: StoredRecord): StoredRecord {
  const { value } = record
  // A copy: a part of a buffer would keep the whole of it.
  const part = value && Buffer.from(value.subarray(0, listedBytesMax + 1))
  return { ...record, value: part, headers: null }
}

function listed({ newest, counts }: RejectsFound) {
  return { rejects: newest.map((found) => facts(found, listedBytesMax)), counts }
}

function facts({ partition, offset, refusal, record }: FoundReject, bytesMax: number) {
  const { isPointer, firstSeen, ...told } = refusal
  const { value, key, timestamp } = record
  const isCut = value !== null && value.length > bytesMax
  return {
    partition,
    offset,
    ...told,
    firstSeen: firstSeen === null ? null : instantText(firstSeen),
    time: instantText(timestamp),
    key: key && shownBytes(key, keyBytesMax),
    value: value && shownBytes(value, bytesMax),
    /** The value is longer, or was left out of the reject. */
    cut: isCut || isPointer,
  }
}

type RejectFacts = ReturnType<typeof facts>

function listText(found: RejectsFound): string {
  const { rejects, counts } = listed(found)
  const lines = rejects.map(lineOf)
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  if (total === 0) return 'no rejects\n'
  for (const [code, count] of Object.entries(counts)) lines.push(`${count} ${plainText(code)}`)
  lines.push(`${total} rejects, ${rejects.length} of them above`)
  return `${lines.join('\n')}\n`
}

function lineOf(reject: RejectFacts): string {
  const { partition, offset, code, time, reason, value } = reject
  const more = reject.cut ? '…' : ''
  const head = `${partition}:${offset}  ${time}  ${plainText(code)}: ${plainText(reason)}`
  return `${head}\n  ${placeText(reject)}${value ? `, value ${bytesText(value)}${more}` : ', no value'}`
}

function placeText({ record, row }: Pick<RejectFacts, 'record' | 'row'>): string {
  if (record === null) return row === null ? 'of no known place' : `row ${row} of an ingest`
  return `${plainText(record.topic)} ${record.partition}, offset ${record.offset}`
}

function bytesText(shown: ShownBytes): string {
  return 'text' in shown ? plainText(shown.text) : `0x${shown.hex}`
}

async function showReject({ log, topics, loaded }: OpenSource, at: Place) {
  const { partition, offset } = at
  const record = await recordAt(log, topics.rejects, at)
  if (record === null) {
    const text = `${topics.rejects} partition ${partition} has no record at offset ${offset}`
    throw new TidemarkError('REJECT_NOT_FOUND', text, { exit: exitCode.io })
  }
  const { codec } = loaded.app
  await codec.learn?.([record])
  const decoded = record.value && codec.decode(record.value)
  const isEvent = decoded !== null && !isReject(decoded)
  return {
    ...facts({ partition, offset, refusal: refusalOf(record), record }, wholeBytes),
    /** The event, where it was one and another decision refused it. */
    event: isEvent ? { type: codec.types[decoded.type], fields: decoded.body } : null,
  }
}

async function recordAt(
  log: OpenSource['log'],
  topic: string,
  { partition, offset }: Place,
): Promise<StoredRecord | null> {
  if (partition >= log.partitions(topic)) return null
  if (offset < (await log.startOffset(topic, partition))) return null
  if (offset >= (await log.endOffset(topic, partition))) return null
  const reader = log.reader(topic, partition, offset)
  try {
    for (;;) {
      const { records, atEnd } = await reader.poll(1, 1000)
      // Where the log has a gap, the next record comes.
      if (records.length > 0) return records[0].offset === offset ? records[0] : null
      if (atEnd) return null
    }
  } finally {
    await reader.close()
  }
}

function showText(shown: Awaited<ReturnType<typeof showReject>>): string {
  const { partition, offset, code, reason, stage, field, attempt, firstSeen, time } = shown
  const rows: [string, string][] = [
    ['reject', `${partition}:${offset}`],
    ['code', plainText(code)],
    ['reason', plainText(reason)],
    ['decided by', plainText(stage)],
  ]
  if (field !== null) rows.push(['field', plainText(field)])
  rows.push(['record', placeText(shown)], ['time', time])
  if (firstSeen !== null) rows.push(['first refused at', firstSeen])
  rows.push(['attempt', String(attempt)])
  rows.push(['key', shown.key === null ? 'none' : bytesText(shown.key)])
  if (shown.event !== null) rows.push(['event', plainText(JSON.stringify(shown.event))])
  const value = shown.value === null ? 'none' : bytesText(shown.value)
  rows.push(['value', shown.cut ? 'left out, it was too large: it is at its offset' : value])
  return rows.map(([name, text]) => `${name.padEnd(17)} ${text}\n`).join('')
}

/** @example place('0:12') // { partition: 0, offset: 12 } */
function place(text: string): Place {
  const found = /^(\d{1,9}):(\d{1,15})$/.exec(text)
  if (found === null) throw new InvalidArgumentError('a place is PARTITION:OFFSET, such as 0:12.')
  return { partition: Number(found[1]), offset: Number(found[2]) }
}
