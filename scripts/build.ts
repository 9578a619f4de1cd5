/**
 * Makes `dist/src/` from `src/`: every module as JavaScript, every other file (the web page, for
 * one) as it is. One module at a time and without types, which takes a second where the compiler
 * takes ten; `npm run types` checks, `npm run build:types` writes the declarations of a release.
 */
import { build } from 'esbuild'
import { cpSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const source = join(root, 'src')
const target = join(root, 'dist', 'src')

function isAsset(path: string): boolean {
  // Folders must pass, or their content is never looked at.
  return statSync(path).isDirectory() || !/\.(ts|md)$/.test(path)
}

const modules = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => join(source, path))

await build({
  entryPoints: modules,
  outbase: source,
  outdir: target,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  sourcemap: true,
  logLevel: 'warning',
})
cpSync(source, target, { recursive: true, filter: isAsset })
