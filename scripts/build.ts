/**
 * Makes `dist/src/` from `src/`: the binary and the library, each with what it imports, in chunks
 * that they share, and the web page as it is. Bundled, for a worker that was killed would load a
 * thousand files otherwise (decision 0043). Without types: `npm run types` checks,
 * `npm run build:types` writes the declarations of a release.
 *
 * @example tsx scripts/build.ts /tmp/elsewhere
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
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const target = resolve(process.argv[2] ?? join(root, 'dist', 'src'))
const page = join(root, 'src', 'serving', 'page')

/** From `node_modules`: native parts, files that they look for beside themselves, or seldom asked for. */
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
const commonJs = `import { createRequire as requireOf } from 'node:module'
const require = requireOf(import.meta.url), __dirname = import.meta.dirname`

/** A process may still ask for a part of an earlier build: it stays so long behind its last one. */
const keptMs = 86_400_000
/** Names what the last build wrote, a line each. */
const list = join(target, '.built')

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['src/main.ts', 'src/index.ts'],
  outdir: target,
  bundle: true,
  splitting: true,
  external,
  // As it comes it is a bundle itself, of packages whose licenses it does not have.
  alias: { glob: 'glob/raw' },
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  banner: { js: commonJs },
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  write: false,
  metafile: true,
  logLevel: 'warning',
})
const files = new Map<string, Uint8Array>()
for (const name of readdirSync(page)) {
  // Beside the chunks, for that is where its server runs.
  files.set(join(target, 'page', name), readFileSync(join(page, name)))
}
files.set(join(target, 'third-party-licenses.txt'), Buffer.from(licensesOf(metafile)))
// What is loaded first comes last: whoever starts now finds all that it names.
const isEntry = (path: string): boolean => /\/(main|index)\.js$/.test(path)
const built = outputFiles.toSorted((a, b) => Number(isEntry(a.path)) - Number(isEntry(b.path)))
for (const { path, contents } of built) files.set(path, contents)
retireLast()
for (const [path, contents] of files) replace(path, contents)
removeStale()

/** At once, and only where it is another: a process may be loading it. */
function replace(path: string, contents: Uint8Array): void {
  if (existsSync(path) && readFileSync(path).equals(contents)) return
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}.tmp`
  const isProgram = contents[0] === 0x23 && contents[1] === 0x21
  writeFileSync(draft, contents, { mode: isProgram ? 0o755 : 0o644 })
  renameSync(draft, path)
}

/** The age of what the last build wrote counts from now on, where this one does not have it. */
function retireLast(): void {
  const now = new Date()
  const last = existsSync(list) ? readFileSync(list, 'utf8').split('\n').filter(Boolean) : []
  for (const path of last.map((name) => join(target, name))) {
    if (!files.has(path) && existsSync(path)) utimesSync(path, now, now)
  }
  const names = [...files.keys()].map((path) => `${relative(target, path)}\n`)
  replace(list, Buffer.from(names.toSorted().join('')))
}

function removeStale(): void {
  for (const name of readdirSync(target, { recursive: true, encoding: 'utf8' })) {
    const path = join(target, name)
    // Declarations are written by the compiler.
    const isKept = files.has(path) || path === list || path.endsWith('.d.ts')
    if (isKept || !existsSync(path)) continue
    const stat = statSync(path)
    if (stat.isFile() && Date.now() - stat.mtimeMs > keptMs) rmSync(path)
  }
}

/** Of the packages that are in the bundle, as their licenses ask. */
function licensesOf({ inputs }: Metafile): string {
  const folders = new Set<string>()
  for (const input of Object.keys(inputs)) {
    const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]
    if (folder !== undefined) folders.add(join(root, folder))
  }
  return [...folders]
    .map(licenseOf)
    .toSorted()
    .join(`\n${'-'.repeat(80)}\n`)
}

function licenseOf(folder: string): string {
  const names = readdirSync(folder)
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  const { name, version, license } = JSON.parse(read('package.json')) as Record<string, string>
  const own = names.filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
  const readme = names.find((file) => /^readme/i.test(file))
  // Some have theirs at the end of what they say of themselves.
  const section = readme === undefined ? null : /^#* *licen[cs]e:? *$[^]*/im.exec(read(readme))
  const text = own.length > 0 ? own.map(read).join('\n') : section?.[0]
  if (text === undefined) throw new Error(`${name} is bundled, and its license is not found`)
  return `${name} ${version} (${license})\n\n${text}`
}
