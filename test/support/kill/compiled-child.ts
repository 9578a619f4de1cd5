/**
 * What is started hundreds of times, so that it starts soon: the command as `npm run build` has
 * compiled it, and the small engine as one file of JavaScript.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'

const main = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url))

/** The command as everybody runs it. Throws where nothing has been built. */
export function commandPath(): string {
  if (!existsSync(main)) throw new Error('dist/ is missing; run `npm run build` first')
  return main
}

/** Writes the script into `folder`; returns its path. */
export async function bundleSmallEngine(folder: string): Promise<string> {
  const outfile = join(folder, 'small-engine.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL('small-engine.ts', import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    banner: { js: requireHere },
    plugins: [levelBeside],
    logLevel: 'warning',
  })
  return outfile
}

/** CommonJS in the bundle asks for Node's own modules in this way. */
const requireHere =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

/** It finds its binding beside itself, and is therefore left where it is. */
const levelBeside: Plugin = {
  name: 'level-beside',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^classic-level$/ }, ({ path }) => ({
      path: pathToFileURL(createRequire(import.meta.url).resolve(path)).href,
      external: true,
    })),
}
