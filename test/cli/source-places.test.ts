import { build } from 'esbuild'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { packageFolder } from '../../src/cli/package-folder.js'
import { stackOf } from '../../src/cli/source-places.js'

const source =
  'import { sep } from "node:path"\n\ntry {\n  throw new Error(sep)\n} catch (error) {\n'
const end = '  console.log(error.stack)\n}\n'

test('a place in a bundle is told by its source', async () => {
  const { folder, error } = await thrownInBundle(true)
  expect(stackOf(error)).toContain(`${relative(packageFolder, join(folder, 'a.ts'))}:4:9`)
})

test('without a map the place in the bundle is told', async () => {
  const { folder, error } = await thrownInBundle(false)
  expect(stackOf(error)).toContain(`${pathToFileURL(join(folder, 'b.mjs')).href}:`)
})

test.each(['file:///nowhere.js:1:1', 'file://nas/features.ts:3:1', 'file:///a%2Fb.js:1:1'])(
  'what is thrown is told as it is: %s',
  (text) => expect(stackOf(text)).toBe(text),
)

async function thrownInBundle(sourcemap: boolean): Promise<{ folder: string; error: Error }> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-places-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'a.ts'), source + end)
  const options = { bundle: true, format: 'esm', platform: 'node', sourcemap } as const
  const outfile = join(folder, 'b.mjs')
  await build({
    ...options,
    banner: { js: '// one\n// two' },
    entryPoints: [join(folder, 'a.ts')],
    outfile,
  })
  // In a process of its own: the test runner names places by the sources itself.
  const error = new Error('thrown there')
  error.stack = execFileSync(process.execPath, [outfile], { encoding: 'utf8' })
  return { folder, error }
}
