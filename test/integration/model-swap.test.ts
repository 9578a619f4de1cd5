/** A model whose files are spoilt while it scores (F31): it goes on, and what is spoilt is not taken again. */
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Binary, runBinary } from '../support/binary.js'
import { metric } from '../support/metric.js'

let folder = ''
const path = (name: string): string => join(folder, name)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-swap-'))
  await cp('bundles/churn/champion', path('bundle'), { recursive: true })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('a model that is spoilt on the disk scores on, and is refused or mended at the next start', async () => {
  const args = ['start', '--data', path('data'), '--port', '0', '--json']
  const running = new Binary([...args, '--model', path('bundle')])
  const url = await running.serving()
  const scores = () => metric(url, 'tidemark_scores_total')
  await expect.poll(scores).toBeGreaterThan(0)
  const kept = await readdir(path('data/models'))
  for (const copy of ['bundle', ...kept.map((hash) => `data/models/${hash}`)]) {
    await writeFile(path(`${copy}/model.onnx`), 'rubbish')
  }
  const before = await scores()
  await expect.poll(scores).toBeGreaterThan(before + 1_000)
  expect(await metric(url, 'tidemark_degraded_scores_total')).toBe(0)
  running.kill('SIGTERM')
  expect((await running.ended).exit).toBe(0)

  const again = await runBinary([...args, '--model', path('bundle')])
  expect([again.exit, again.stderr]).toEqual([78, expect.stringContaining('MODEL_INVALID')])

  // Without the flag it takes the package's own bundle, whose copy is made anew.
  const mended = new Binary(args)
  const since = await mended.serving()
  await expect.poll(() => metric(since, 'tidemark_scores_total')).toBeGreaterThan(0)
  expect(await metric(since, 'tidemark_degraded_scores_total')).toBe(0)
  mended.kill('SIGTERM')
  expect((await mended.ended).exit).toBe(0)
  const damaged = (await readdir(path('data/models'))).filter((name) => name.includes('.damaged-'))
  expect(damaged).toHaveLength(kept.length)
}, 120_000)
