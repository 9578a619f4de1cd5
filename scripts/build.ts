/**
 * Makes `dist/src/` from `src/`: the binary and the library, each with what it imports, in chunks that
 * they share, and the web page as it is. Bundled, for a worker that was killed would load a thousand
 * files otherwise (decision 0043). Without types: `npm run types` checks, `npm run build:types` writes
 * the declarations of a release.
 */
import { build, type Metafile } from 'esbuild'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const target = join(root, 'dist', 'src')
const page = join(root, 'src', 'serving', 'page')

/** Native parts, or files that they look for beside themselves: these are loaded from `node_modules`. */
const external = [
  '@duckdb/node-api',
  '@mongodb-js/zstd',
  '@node-rs/crc32',
  'classic-level',
  'kafkajs-snappy',
  'lz4-napi',
  'onnxruntime-node',
  'pino',
  'tsx',
]

/** What CommonJS modules expect to find. */
const commonJs = `import { createRequire } from 'node:module'
const require = createRequire(import.meta.url), __dirname = import.meta.dirname`

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['src/main.ts', 'src/index.ts'],
  outdir: target,
  bundle: true,
  splitting: true,
  external,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  banner: { js: commonJs },
  sourcemap: true,
  legalComments: 'none',
  write: false,
  metafile: true,
  logLevel: 'warning',
})
const files = new Map(outputFiles.map(({ path, contents }) => [path, contents]))
for (const name of readdirSync(page)) {
  // Beside the chunks, for that is where its server runs.
  files.set(join(target, 'page', name), readFileSync(join(page, name)))
}
files.set(join(target, 'third-party-licenses.txt'), Buffer.from(licensesOf(metafile)))
for (const [path, contents] of files) replace(path, contents)
for (const path of readdirSync(target, { recursive: true, encoding: 'utf8' })) {
  const file = join(target, path)
  if (/\.js(\.map)?$/.test(path) && !files.has(file)) rmSync(file, { force: true })
}

/** At once, and only where it is another: a process may be loading it. */
function replace(path: string, contents: Uint8Array): void {
  if (existsSync(path) && readFileSync(path).equals(contents)) return
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}.tmp`
  const isProgram = contents[0] === 0x23 && contents[1] === 0x21
  writeFileSync(draft, contents, { mode: isProgram ? 0o755 : 0o644 })
  renameSync(draft, path)
}

/** Of the packages that are in the bundle, as their licenses ask. */
function licensesOf({ inputs }: Metafile): string {
  const folders = new Set<string>()
  for (const input of Object.keys(inputs)) {
    const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]
    if (folder !== undefined) folders.add(join(root, folder))
  }
  const texts = [...folders].map((folder) => {
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
    const { name, version, license } = JSON.parse(read('package.json')) as Record<string, string>
    const texts = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
    const files = texts.filter((file) => statSync(join(folder, file)).isFile())
    return `${name} ${version} (${license})\n\n${files.map(read).join('\n')}`
  })
  return texts.toSorted().join(`\n${'-'.repeat(80)}\n`)
}
