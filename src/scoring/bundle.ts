/**
 * A model on disk: a content-addressed folder that is read whole and believed in nothing.
 *
 * Owns: reading and checking a bundle folder. Does not own: the runtime (`onnx-scorer.ts`) and
 * whether the bundle is for the app that runs (`bundle-fit.ts`).
 * U1 no file is read before its size is known to be within its bound.
 * U2 the bytes returned are the bytes that were hashed; the runtime never opens a path.
 * U3 what HASH names is `bundle.json`, and `bundle.json` names the hash of every other file.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { configurationError } from '../errors.js'
import { checkSignature } from './bundle-fit.js'
import { infoOf, parseManifest, type Manifest } from './manifest.js'
import { judgeModel } from './model-proto.js'
import type { BundleInfo } from './scorer.js'

/** Bounds in bytes; a folder beyond them is refused before it is read. */
export const bundleLimits = {
  modelBytesMax: 512 * 1024 * 1024,
  /** `bundle.json`; reference histograms of 4,096 features fit. */
  manifestBytesMax: 16 * 1024 * 1024,
  /** Any other file that the manifest lists. */
  fileBytesMax: 512 * 1024 * 1024,
} as const

const HASH_BYTES_MAX = 256

export interface Bundle {
  readonly folder: string
  readonly info: BundleInfo
  readonly manifest: Manifest
  /** The checked bytes of `model.onnx`. */
  readonly model: Uint8Array
}

/**
 * Reads and checks the bundle in `folder`: its hash, its files' hashes, that the graph keeps to
 * standard operators and one file, and that its inputs and output are the declared ones.
 *
 * Errors, all with exit 78: `MODEL_MISSING`, `MODEL_TOO_LARGE`, `MODEL_INVALID`,
 * `MODEL_UNTRUSTED`, `MODEL_MISMATCH`.
 *
 * @example (await loadBundle('bundles/churn/champion')).info.hash
 */
export async function loadBundle(folder: string): Promise<Bundle> {
  const manifestPath = join(folder, 'bundle.json')
  const text = await readBounded(manifestPath, bundleLimits.manifestBytesMax)
  const { manifest, hash } = parseManifest(text.toString('utf8'), manifestPath)
  const named = await readHash(folder)
  if (named !== hash) {
    throw configurationError(
      'MODEL_UNTRUSTED',
      `bundle ${folder}: HASH names ${named}; bundle.json has the hash ${hash}`,
    )
  }
  const modelPath = join(folder, 'model.onnx')
  const model = await readBounded(modelPath, bundleLimits.modelBytesMax)
  // Judged before its hash is compared: "is empty" says more than "has another hash".
  const signature = judgeModel(model, modelPath)
  checkHash(modelPath, model, manifest.files['model.onnx'])
  for (const [name, due] of Object.entries(manifest.files)) {
    if (name === 'model.onnx') continue
    const path = join(folder, name)
    checkHash(path, await readBounded(path, bundleLimits.fileBytesMax), due)
  }
  checkSignature(manifest, signature, folder)
  return { folder, info: infoOf(manifest, hash), manifest, model }
}

/**
 * The hash that a bundle folder claims, without checking that it is right.
 *
 * Errors: `MODEL_MISSING`, `MODEL_TOO_LARGE`, `MODEL_INVALID`.
 */
export async function readHash(folder: string): Promise<string> {
  const path = join(folder, 'HASH')
  const text = (await readBounded(path, HASH_BYTES_MAX)).toString('latin1').trim()
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw configurationError('MODEL_INVALID', `${path} holds no SHA-256 in hexadecimal`)
  }
  return text
}

function checkHash(path: string, bytes: Uint8Array, due: string | undefined): void {
  const came = createHash('sha256').update(bytes).digest('hex')
  if (came === due) return
  throw configurationError(
    'MODEL_UNTRUSTED',
    `${path} has the SHA-256 ${came}; bundle.json says ${due ?? 'nothing of it'}`,
  )
}

/** Reads a file that is known to be within its bound. Errors: `MODEL_MISSING`, `MODEL_TOO_LARGE`. */
export async function readBounded(path: string, bytesMax: number): Promise<Buffer> {
  try {
    const found = await stat(path)
    // Opening a pipe would wait for a writer.
    if (!found.isFile()) throw configurationError('MODEL_INVALID', `${path} is not a file`)
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const { size } = await file.stat()
      if (size > bytesMax) {
        throw configurationError(
          'MODEL_TOO_LARGE',
          `${path} has ${size} bytes; allowed are ${bytesMax}`,
        )
      }
      const bytes = Buffer.allocUnsafeSlow(size)
      let read = 0
      while (read < size) {
        const { bytesRead } = await file.read(bytes, read, size - read, read)
        if (bytesRead === 0) break
        read += bytesRead
      }
      return bytes.subarray(0, read)
    } finally {
      await file.close()
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (error instanceof Error && !('errno' in error)) throw error
    throw configurationError('MODEL_MISSING', `${path} cannot be read: ${String(code)}`, error)
  }
}
