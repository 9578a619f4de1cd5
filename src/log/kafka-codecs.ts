/**
 * Unpacks the records of a batch: gzip by Node, the others by packages that are loaded when a producer
 * is met who compresses so.
 */
import { gunzip } from 'node:zlib'
import { promisify } from 'node:util'
import { configurationError, ioError } from '../errors.js'

type Unpack = (packed: Buffer) => Promise<Buffer>

interface Codec {
  readonly name: string
  /** Where it comes from, for whoever has to install it. */
  readonly from: string
  load(): Promise<Unpack>
}

/** By the number in a batch's attributes (Kafka's protocol, "Record Batch"). */
const codecs: Readonly<Record<number, Codec>> = {
  1: { name: 'gzip', from: 'node:zlib', load: async () => promisify(gunzip) },
  2: {
    name: 'snappy',
    from: 'kafkajs-snappy',
    load: async () => {
      const { default: snappy } = await import('kafkajs-snappy')
      const codec = snappy()
      return (packed) => codec.decompress(packed)
    },
  },
  3: {
    name: 'lz4',
    from: 'lz4-napi',
    load: async () => {
      const { default: lz4 } = await import('lz4-napi')
      return (packed) => lz4.decompressFrame(packed)
    },
  },
  4: {
    name: 'zstd',
    from: '@mongodb-js/zstd',
    load: async () => {
      const { default: zstd } = await import('@mongodb-js/zstd')
      return (packed) => zstd.decompress(packed)
    },
  },
}

const loaded = new Map<number, Promise<Unpack>>()

/**
 * The records of a batch that was packed by codec number `codec`; `place` names it in errors.
 *
 * @throws TidemarkError CODEC_MISSING (78), LOG_DAMAGED (74)
 */
export async function unpacked(codec: number, packed: Buffer, place: string): Promise<Buffer> {
  const known = codecs[codec]
  if (known === undefined) {
    throw configurationError('CODEC_MISSING', `${place}: compressed by a codec of number ${codec}`)
  }
  const { name, from } = known
  let unpack = loaded.get(codec)
  if (unpack === undefined) {
    unpack = known.load()
    loaded.set(codec, unpack)
  }
  const ready = await unpack.catch((cause: unknown) => {
    loaded.delete(codec)
    const text = `${place}: compressed with ${name}, and the package ${from} cannot be loaded`
    throw configurationError('CODEC_MISSING', `${text}: install it`, cause)
  })
  try {
    return await ready(packed)
  } catch (cause) {
    const text = `${place}: what is compressed with ${name} cannot be unpacked`
    throw ioError('LOG_DAMAGED', `${text}: ${(cause as Error).message}`, cause)
  }
}
