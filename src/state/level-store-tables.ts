/**
 * Checks LevelDB's table files before LevelDB reads them.
 *
 * Each block of a table carries a CRC, which LevelDB as packaged does not look at: it serves flipped
 * bits as data, and at some of them an assertion ends the whole process, at every start again. So
 * the blocks are checked here first. A file without a whole footer is not judged: it is one that a
 * killed process has not finished, which LevelDB removes, or it refuses it by itself.
 *
 * Format: leveldb/doc/table_format.md.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32c } from './crc32c.js'
import { snappyDecoded } from './snappy.js'

const FOOTER_BYTES = 48
const MAGIC = Buffer.from('57fb808b247547db', 'hex')
/** Behind each block: its compression and its CRC. */
const TRAILER_BYTES = 5
const SNAPPY = 1
/** Blocks checked before the event loop gets its turn: about 1 MB, 2 ms. */
const SLICE_BLOCKS = 256

/** Where a block lies in its file. */
interface Handle {
  readonly offset: number
  readonly size: number
}

/**
 * What is wrong with the tables among the files of a database; null where all blocks are what was
 * written. Of an open one too: a table that LevelDB is still writing has no footer yet.
 */
export async function tablesFault(
  directory: string,
  names: readonly string[],
): Promise<string | null> {
  for (const name of names) {
    if (!/\.(ldb|sst)$/.test(name)) continue
    const file = await readFile(join(directory, name)).catch(emptyWhereMissing)
    const fault = await tableFault(file)
    if (fault !== null) return `table ${name}: ${fault}`
  }
  return null
}

/** Whoever has the database open may have removed the table just now. */
function emptyWhereMissing(error: NodeJS.ErrnoException): Buffer {
  if (error.code === 'ENOENT') return Buffer.alloc(0)
  throw error
}

async function tableFault(file: Buffer): Promise<string | null> {
  const footer = file.length - FOOTER_BYTES
  if (footer < 0 || !file.subarray(-MAGIC.length).equals(MAGIC)) return null
  const cursor = new Cursor(file, footer)
  const metaHandle = cursor.handle()
  const indexHandle = cursor.handle()
  const meta = blockAt(file, metaHandle)
  const index = blockAt(file, indexHandle)
  if (meta === null || index === null) return 'its index is damaged'
  for (const [number, handle] of [...handlesIn(meta), ...handlesIn(index)].entries()) {
    if (!isWhole(file, handle)) return `the block at ${handle.offset} is damaged`
    if (number % SLICE_BLOCKS === SLICE_BLOCKS - 1) await new Promise(setImmediate)
  }
  return null
}

/** Whether a block's CRC holds; it covers the block and the byte of its compression. */
function isWhole(file: Buffer, { offset, size }: Handle): boolean {
  const end = offset + size
  if (end + TRAILER_BYTES > file.length - FOOTER_BYTES) return false
  const crc = crc32c(file.subarray(offset, end + 1))
  return file.readUInt32LE(end + 1) === masked(crc)
}

/** LevelDB stores CRCs so changed that the CRC of bytes that hold CRCs is no trap. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

function blockAt(file: Buffer, handle: Handle): Buffer | null {
  if (!isWhole(file, handle)) return null
  const { offset, size } = handle
  const bytes = file.subarray(offset, offset + size)
  return file[offset + size] === SNAPPY ? snappyDecoded(bytes) : bytes
}

/** The handles that an index holds as values. Its bytes are believed: the CRC has held. */
function handlesIn(block: Buffer): Handle[] {
  const restarts = block.readUInt32LE(block.length - 4)
  const end = block.length - 4 - restarts * 4
  const handles: Handle[] = []
  const cursor = new Cursor(block, 0)
  while (cursor.at < end) {
    cursor.varint()
    const keyBytes = cursor.varint()
    const valueBytes = cursor.varint()
    const value = cursor.at + keyBytes
    handles.push(new Cursor(block, value).handle())
    cursor.at = value + valueBytes
  }
  return handles
}

class Cursor {
  constructor(
    readonly bytes: Buffer,
    public at: number,
  ) {}

  varint(): number {
    let value = 0
    for (let scale = 1; this.at < this.bytes.length; scale *= 128) {
      const byte = this.bytes[this.at++]
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
    }
    return value
  }

  handle(): Handle {
    return { offset: this.varint(), size: this.varint() }
  }
}
