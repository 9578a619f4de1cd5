/**
 * Scripts of tests as one file of JavaScript each. A child that compiles all of `src/` at its start
 * takes three seconds for it, and there are hundreds of children.
 */
import { createHash } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Below `node_modules`, so that what is not bundled is found. */
const folder = fileURLToPath(
  new URL('../../node_modules/.cache/tidemark-children/', import.meta.url),
)

/** They find their bindings, or parts of themselves, beside themselves. */
const external = [
  '@duckdb/node-api',
  '@mongodb-js/zstd',
  '@node-rs/crc32',
  'classic-level',
  'kafkajs',
  'lz4-napi',
  'onnxruntime-node',
]

/** CommonJS in a bundle asks for Node's own modules in this way. */
const requireHere =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

const bundled = new Map<string, Promise<string>>()

/** The path of a script that does what `script` does, a TypeScript file. */
export function bundledChild(script: string): Promise<string> {
  const known = bundled.get(script)
  if (known !== undefined) return known
  const path = bundle(script)
  bundled.set(script, path)
  return path
}

async function bundle(script: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [script],
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external,
    banner: { js: requireHere },
    logLevel: 'warning',
  })
  const [{ contents }] = outputFiles
  // Named by its content: other test files may write the same one, and run it, just now.
  const name = createHash('sha256').update(contents).digest('hex').slice(0, 32)
  const path = join(folder, `${name}.mjs`)
  await mkdir(folder, { recursive: true })
  await writeFile(`${path}.${process.pid}`, contents)
  await rename(`${path}.${process.pid}`, path)
  return path
}
