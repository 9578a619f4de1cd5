/** What readers do to the process that serves its log, and what it does to them. */
import { stat } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import type { LogReader } from '../../src/log/log.js'
import { SharedLog } from '../../src/log/shared-log.js'
import { connectionsMax, LogServer } from '../../src/log/shared-server.js'
import {
  answer,
  frame,
  greetedVersion,
  greeting,
  jsonFrame,
  request,
  requestFrame,
  type StoredHistory,
  wireVersion,
} from '../../src/log/shared-wire.js'
import { changeLogRows } from '../support/tamper.js'
import { tempFolder } from '../support/temp-folder.js'

const records = 2000
const at = { topic: 't', partition: 0 }

/** What the owner knows of customers, besides. */
const known = new Map<string, StoredHistory>()

async function owner(): Promise<{ log: EmbeddedLog; path: string; server: LogServer }> {
  const folder = await tempFolder()
  const path = join(folder, 'owner.sock')
  const log = await EmbeddedLog.open(join(folder, 'log'), { timeBase: { kind: 'none' } })
  const value = Buffer.alloc(1000, 7)
  const transaction = log.begin('writer')
  for (let index = 0; index < records; index += 1) {
    transaction.append('t', 0, { key: Buffer.from('k'), value, timestamp: index, headers: null })
  }
  await transaction.commit()
  const server = await LogServer.listen(log, path, {
    onFault: (error) => {
      throw error
    },
    history: async (customer) => known.get(customer) ?? null,
  })
  onTestFinished(async () => {
    await server.close()
    await log.close()
  })
  return { log, path, server }
}

async function reading(path: string): Promise<SharedLog> {
  const log = await SharedLog.open(path)
  onTestFinished(() => log!.close())
  return log!
}

async function readAll(log: SharedLog): Promise<number> {
  return rest(log.reader('t', 0, 0))
}

async function rest(reader: LogReader): Promise<number> {
  for (let read = 0; ;) {
    const poll = await reader.poll(1024, 0)
    read += poll.records.length
    if (poll.atEnd) return read
  }
}

/** Resolves when the owner has a place again: it learns of an end a moment later. */
async function opens(path: string): Promise<void> {
  const tried = async () => {
    const log = await SharedLog.open(path).catch(() => null)
    await log?.close()
    return log !== null
  }
  await expect.poll(tried, { interval: 1, timeout: 20_000 }).toBe(true)
}

/** A reader that speaks for itself; resolves when it is connected. */
async function raw(path: string): Promise<Socket> {
  const socket = connect(path)
  onTestFinished(() => void socket.destroy())
  await new Promise((resolve) => socket.once('connect', resolve))
  return socket
}

/** All that comes until the other side ends. */
async function heard(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** An owner that says these bytes to everybody, and then ends or falls silent. */
async function impostor(bytes: Buffer, ends: boolean): Promise<string> {
  const path = join(await tempFolder(), 'owner.sock')
  const server = createServer((socket) => {
    socket.on('error', () => undefined).resume()
    if (ends) socket.end(bytes)
    else socket.write(bytes)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => void server.close())
  return path
}

test('the socket is for its own user, and the mask of other files stays', async () => {
  const mask = process.umask()
  const { path } = await owner()
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(process.umask()).toBe(mask)
})

test.each([
  ['rubbish', Buffer.alloc(5000, 'x')],
  ['a request that is none', Buffer.concat([greeting(), frame(99, [Buffer.alloc(12)])])],
  ['a frame of four gigabytes', Buffer.concat([greeting(), Buffer.alloc(8, 0xff)])],
  ['an empty frame', Buffer.concat([greeting(), Buffer.alloc(8)])],
  [
    'a partition that is none',
    Buffer.concat([
      greeting(),
      requestFrame({ kind: request.tail, at: { ...at, partition: 1 }, offset: 0 }),
    ]),
  ],
])('%s is cut off, and others read on', async (_what, bytes) => {
  const { path } = await owner()
  const reader = await reading(path)
  const socket = await raw(path)
  socket.on('error', () => undefined).write(bytes)
  await new Promise((resolve) => socket.resume().once('close', resolve))
  expect(await readAll(reader)).toBe(records)
})

test('a reader of another version is told the own one', async () => {
  const { path } = await owner()
  const socket = await raw(path)
  socket.write(greeting(wireVersion + 1))
  const came = await heard(socket)
  expect(came).toEqual(greeting())
  expect(greetedVersion(came)).toBe(wireVersion)
})

test('an owner of another version is refused with both versions', async () => {
  const path = await impostor(greeting(7), true)
  await expect(SharedLog.open(path)).rejects.toMatchObject({
    code: 'OWNER_VERSION',
    exit: 78,
    message: expect.stringContaining('speaks version 7') as unknown,
  })
})

test('an owner that ends in the middle is lost, and everything asked later too', async () => {
  const welcome = { id: 'i', timeBase: { kind: 'none' }, partitions: 1, now: null }
  const path = await impostor(Buffer.concat([greeting(), jsonFrame(answer.welcome, welcome)]), true)
  const log = await SharedLog.open(path)
  const lost = { code: 'OWNER_LOST', exit: 75 }
  await expect(log!.endOffset('t', 0)).rejects.toMatchObject(lost)
  await expect(log!.last('t', 0)).rejects.toMatchObject(lost)
  await log!.close()
  const rubbish = await impostor(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), true)
  await expect(SharedLog.open(rubbish)).rejects.toMatchObject(lost)
})

test('a reader that never reads holds one answer, and the others read on', async () => {
  const { path } = await owner()
  const lazy = await raw(path)
  lazy.pause()
  lazy.write(greeting())
  const ask = requestFrame({ kind: request.blocks, at, offset: 0 })
  for (let index = 0; index < 500; index += 1) lazy.write(ask)
  expect(await readAll(await reading(path))).toBe(records)
  expect(lazy.bytesRead).toBeLessThan(1024 * 1024)
})

test('a reader that vanishes in the middle of an answer is forgotten', async () => {
  const { path } = await owner()
  for (let index = 0; index < 2 * connectionsMax; index += 1) {
    const socket = await raw(path)
    socket.write(Buffer.concat([greeting(), requestFrame({ kind: request.blocks, at, offset: 0 })]))
    await new Promise((resolve) => socket.once('data', resolve))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.destroy()
    await closed
  }
  await opens(path)
  expect(await readAll(await reading(path))).toBe(records)
})

test('of a hundred readers at once those above the bound are told so, and the rest is served', async () => {
  const { path } = await owner()
  const opened = await Promise.allSettled(Array.from({ length: 100 }, () => SharedLog.open(path)))
  const logs = opened.flatMap((it) => (it.status === 'fulfilled' ? [it.value!] : []))
  const codes = opened.flatMap((it) =>
    it.status === 'rejected' ? [(it.reason as { code: string }).code] : [],
  )
  expect(logs).toHaveLength(connectionsMax)
  expect(new Set(codes)).toEqual(new Set(['OWNER_BUSY']))
  expect(await Promise.all(logs.map(readAll))).toEqual(logs.map(() => records))
  for (const log of logs) await log.close()
  await opens(path)
})

test('an owner that stops tells its readers, in the middle of reading and later', async () => {
  const { path, server } = await owner()
  const log = await reading(path)
  const reader = log.reader('t', 0, 0)
  await reader.poll(1, 0)
  const stopped = { code: 'STOPPED', exit: 75 }
  const [polled] = await Promise.allSettled([rest(reader), server.close()])
  expect(polled).toMatchObject({ status: 'rejected', reason: stopped })
  await expect(log.endOffset('t', 0)).rejects.toMatchObject(stopped)
  expect(await SharedLog.open(path)).toBeNull()
})

test('damage is named in the words of who opens the log himself', async () => {
  const folder = await tempFolder()
  const path = join(folder, 'owner.sock')
  const directory = join(folder, 'log')
  const whole = await EmbeddedLog.open(directory, { timeBase: { kind: 'none' } })
  const transaction = whole.begin('writer')
  for (let index = 0; index < 3000; index += 1) {
    transaction.append('t', 0, { key: null, value: Buffer.from('v'), timestamp: 0, headers: null })
  }
  await transaction.commit()
  await whole.close()
  await changeLogRows(directory, ({ kind, baseOffset, value }) => {
    if (kind === 'block' && baseOffset === 1024) value[value.length >> 1] ^= 1
    return value
  })
  const log = await EmbeddedLog.open(directory)
  onTestFinished(() => log.close())
  const own: unknown = await rest(log.reader('t', 0, 0)).catch((error: unknown) => error)
  const server = await LogServer.listen(log, path, {
    onFault: () => undefined,
    history: async () => null,
  })
  onTestFinished(() => server.close())
  const shared = await reading(path)
  expect(own).toMatchObject({ code: 'LOG_DAMAGED', exit: 74 })
  await expect(rest(shared.reader('t', 0, 0))).rejects.toEqual(own)
  expect((await shared.reader('t', 0, 2100).poll(5, 0)).records).toHaveLength(5)
})

test('a reader at the end sees what comes behind it, however often', async () => {
  const { log, path } = await owner()
  const reader = (await reading(path)).reader('t', 0, 0)
  expect(await rest(reader)).toBe(records)
  for (let round = 0; round < 5; round += 1) {
    // What was asked for ahead has been answered by now, with nothing new in it.
    expect(await rest(reader)).toBe(0)
    const transaction = log.begin('writer')
    for (let index = 0; index < 50; index += 1) {
      transaction.append('t', 0, { key: null, value: null, timestamp: 0, headers: null })
    }
    await transaction.commit()
    expect(await rest(reader)).toBe(50)
  }
})

test('records that come while they are read are seen, and the owner commits on', async () => {
  const { log, path } = await owner()
  const reader = (await reading(path)).reader('t', 0, 0)
  let read = 0
  for (let round = 0; round < 20; round += 1) {
    const transaction = log.begin('writer')
    for (let index = 0; index < 50; index += 1) {
      transaction.append('t', 0, { key: null, value: null, timestamp: 0, headers: null })
    }
    await transaction.commit()
    read += (await reader.poll(300, 0)).records.length
  }
  expect(read + (await rest(reader))).toBe(records + 1000)
})

test('a history of megabytes comes whole, in portions, newest first', async () => {
  const changes = Array.from({ length: 100 }, (_, index) => ({
    commit: 1000 - index,
    bytes: Buffer.alloc(90_000, index),
  }))
  known.set('anna', { row: Buffer.from('row'), changes })
  known.set('ben', { row: Buffer.from('other'), changes: [] })
  onTestFinished(() => known.clear())
  const { path } = await owner()
  const log = await reading(path)
  const came = (await log.history('anna'))!
  expect(came.changes.map(({ commit }) => commit)).toEqual(changes.map(({ commit }) => commit))
  expect(changes.every(({ bytes }, at) => bytes.equals(came.changes[at].bytes))).toBe(true)
  expect(await log.history('ben')).toEqual({ row: Buffer.from('other'), changes: [] })
  expect(await log.history('nobody')).toBeNull()
  expect(await log.history('x'.repeat(256))).toBeNull()
})

test('a reader that asked ahead at the end reads on when more has come', async () => {
  const { log, path } = await owner()
  const shared = await reading(path)
  const reader = shared.reader('t', 0, 0)
  let read = await rest(reader)
  for (let round = 0; round < 3; round += 1) {
    // Answers come in the order of requests: what was asked ahead is there.
    await shared.endOffset('t', 0)
    const transaction = log.begin('writer')
    transaction.append('t', 0, { key: null, value: null, timestamp: 0, headers: null })
    await transaction.commit()
    read += await rest(reader)
  }
  expect(read).toBe(records + 3)
})
