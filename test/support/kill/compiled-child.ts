/**
 * The small engine as plain JavaScript over `dist/`: hundreds of processes are started, and each
 * would spend a second on compiling what `npm run build` has compiled already.
 */
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const dist = new URL('../../../dist/src/', import.meta.url)

/** The command as everybody runs it. Throws where nothing has been built. */
export function commandPath(): string {
  const path = fileURLToPath(new URL('main.js', dist))
  if (!existsSync(path)) throw new Error('dist/ is missing; run `npm run build` first')
  return path
}

/** Writes the script and what it needs of this folder into `folder`; returns its path. */
export async function compileSmallEngine(folder: string): Promise<string> {
  commandPath()
  for (const name of ['small-engine', 'churn-parts', 'scoring']) {
    const source = await readFile(new URL(`${name}.ts`, import.meta.url), 'utf8')
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 }
    const { outputText } = ts.transpileModule(source, { compilerOptions })
    const script = outputText
      .replaceAll("'../../../src/", `'${dist.href}`)
      .replaceAll(/'\.\/([\w-]+)\.js'/g, "'./$1.mjs'")
    await writeFile(join(folder, `${name}.mjs`), script)
  }
  return join(folder, 'small-engine.mjs')
}
