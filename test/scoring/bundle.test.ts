import { execFileSync } from 'node:child_process'
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkFits } from '../../src/scoring/bundle-fit.js'
import { loadBundle } from '../../src/scoring/bundle.js'
import { app, columns, copyOf, fixture, refusal, rewrite, temporaryFolder } from './fixtures.js'

async function code(folder: string): Promise<string> {
  const error = await refusal(loadBundle(folder))
  expect(error.exit).toBe(78)
  expect(error.retry).toBe('never')
  return error.code
}

describe('loadBundle', () => {
  it('reads a bundle and tells what scores say of it', async () => {
    const bundle = await loadBundle(fixture('good'))
    expect(bundle.info).toEqual({
      name: 'good',
      version: '1',
      hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      threshold: 0.5,
      appHash: app.appHash,
      synthetic: true,
    })
    expect(bundle.model.length).toBeGreaterThan(100)
  })

  it.each(['trained-lr', 'trained-xgb'])('reads the trainer’s %s', async (name) => {
    const { info, manifest } = await loadBundle(fixture(name))
    expect(info.synthetic).toBe(true)
    expect(manifest['metrics']).toBeDefined()
  })

  it('says what is missing', async () => {
    const folder = await temporaryFolder()
    expect(await code(folder)).toBe('MODEL_MISSING')
    expect(await code(join(folder, 'nowhere'))).toBe('MODEL_MISSING')
    for (const name of ['model.onnx', 'bundle.json', 'HASH']) {
      const copy = await copyOf('good')
      await rm(join(copy, name))
      const error = await refusal(loadBundle(copy))
      expect(error.code).toBe('MODEL_MISSING')
      expect(error.message).toContain(`${name} cannot be read: ENOENT`)
    }
  })

  it.each([
    ['empty', 'MODEL_INVALID', 'model.onnx is empty'],
    ['text', 'MODEL_INVALID', 'is not an ONNX model'],
    ['external-data', 'MODEL_UNTRUSTED', 'external data'],
    ['external-in-branch', 'MODEL_UNTRUSTED', 'external data'],
    ['custom-domain', 'MODEL_UNTRUSTED', 'domain "com.example"'],
    ['input-renamed', 'MODEL_MISMATCH', 'float[N,3]  absent'],
    ['input-too-wide', 'MODEL_MISMATCH', 'float[N,3]  float[N,5]'],
    ['input-one-row', 'MODEL_MISMATCH', 'float[N,3]  float[1,3]'],
    ['output-double', 'MODEL_MISMATCH', 'float[N,1]  other[N,1]'],
  ])('refuses %s with %s', async (name, due, text) => {
    const error = await refusal(loadBundle(fixture(name)))
    expect(error.code).toBe(due)
    expect(error.exit).toBe(78)
    expect(error.message).toContain(text)
  })

  it('refuses a model of 2 GB before it reads it', async () => {
    const copy = await copyOf('good')
    // A file with a hole: it has the size, but no bytes on the disk.
    await truncate(join(copy, 'model.onnx'), 2 * 1024 ** 3)
    const before = process.memoryUsage().rss
    expect(await code(copy)).toBe('MODEL_TOO_LARGE')
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 ** 2)
  })

  it('refuses a bundle.json or HASH beyond its bound', async () => {
    for (const name of ['bundle.json', 'HASH']) {
      const copy = await copyOf('good')
      await truncate(join(copy, name), 1024 ** 3)
      expect(await code(copy)).toBe('MODEL_TOO_LARGE')
    }
  })

  it('does not wait for a pipe in the place of a file', async () => {
    const copy = await copyOf('good')
    await rm(join(copy, 'model.onnx'))
    execFileSync('sh', ['-c', 'mkfifo "$0"', join(copy, 'model.onnx')])
    expect(await code(copy)).toBe('MODEL_INVALID')
  })

  it('refuses bytes that bundle.json does not name', async () => {
    const copy = await copyOf('good')
    await rm(join(copy, 'model.onnx'))
    const other = await loadBundle(fixture('fallback'))
    await writeFile(join(copy, 'model.onnx'), other.model)
    expect(await code(copy)).toBe('MODEL_UNTRUSTED')
  })

  it('refuses a bundle.json that HASH does not name, whatever was changed in it', async () => {
    const copy = await copyOf('good')
    await rewrite(copy, (manifest) => (manifest['note'] = 'one'))
    expect((await loadBundle(copy)).manifest['note']).toBe('one')
    await writeFile(join(copy, 'HASH'), `${'0'.repeat(64)}\n`)
    expect(await code(copy)).toBe('MODEL_UNTRUSTED')
    await writeFile(join(copy, 'HASH'), 'not a hash')
    expect(await code(copy)).toBe('MODEL_INVALID')
  })

  it.each(['../good/model.onnx', '/etc/hostname', 'a/b', '..', '.hidden', ''])(
    'refuses a file listed as %j',
    async (name) => {
      const copy = await copyOf('good')
      await rewrite(copy, (manifest) => {
        const files = manifest['files'] as Record<string, string>
        files[name] = '0'.repeat(64)
      })
      expect(await code(copy)).toBe('MODEL_INVALID')
    },
  )

  it('checks every file that is listed', async () => {
    const copy = await copyOf('good')
    const listed = (hash: string) =>
      rewrite(copy, (manifest) => {
        ;(manifest['files'] as Record<string, string>)['shap.json'] = hash
      })
    await listed('0'.repeat(64))
    expect(await code(copy)).toBe('MODEL_MISSING')
    await writeFile(join(copy, 'shap.json'), '{}')
    expect(await code(copy)).toBe('MODEL_UNTRUSTED')
    await listed('44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a')
    await loadBundle(copy)
    await rm(join(copy, 'shap.json'))
    await mkdir(join(copy, 'shap.json'))
    expect(await code(copy)).toBe('MODEL_INVALID')
  })

  it.each<[string, (manifest: Record<string, unknown>) => void]>([
    ['/format', (manifest) => (manifest['format'] = 2)],
    ['/threshold', (manifest) => (manifest['threshold'] = 1.5)],
    ['/data/synthetic', (manifest) => (manifest['data'] = {})],
    ['/features/0/type', (manifest) => (manifest['features'] = [{ name: 'a', type: 'int' }])],
    ['/features', (manifest) => (manifest['features'] = [])],
    ['lists no model.onnx', (manifest) => (manifest['files'] = {})],
    ['plan in num is a string', (manifest) => (manifest['inputs'] = { num: ['plan'], cat: [] })],
    ['feeds two', (manifest) => (manifest['inputs'] = { num: ['days', 'days'], cat: [] })],
    ['not a feature', (manifest) => (manifest['inputs'] = { num: ['nights'], cat: [] })],
  ])('refuses a bundle.json with a wrong %s and says where', async (text, change) => {
    const copy = await copyOf('good')
    await rewrite(copy, change)
    const error = await refusal(loadBundle(copy))
    expect(error.code).toBe('MODEL_INVALID')
    expect(error.message).toContain(text)
  })

  it.each(['', 'null', '{"a":', `${'['.repeat(200_000)}${']'.repeat(200_000)}`, '"\\ud800"'])(
    'refuses text that is no bundle.json (%#)',
    async (text) => {
      const copy = await copyOf('good')
      await writeFile(join(copy, 'bundle.json'), text)
      expect(await code(copy)).toBe('MODEL_INVALID')
    },
  )
})

describe('checkFits', () => {
  it('takes a bundle whose features are among the columns of the same app', async () => {
    const bundle = await loadBundle(fixture('good'))
    expect(() => checkFits(bundle, app)).not.toThrow()
  })

  it('refuses another app hash although all features agree', async () => {
    const bundle = await loadBundle(fixture('good'))
    const error = await refusal(
      Promise.resolve().then(() => checkFits(bundle, { ...app, appHash: 'f'.repeat(64) })),
    )
    expect(error.code).toBe('BUNDLE_APP_MISMATCH')
    expect(error.exit).toBe(78)
    expect(error.message).toContain('agree by name and type')
    expect(error.message).toContain(`${app.appHash}  ${'f'.repeat(64)}`)
  })

  it('shows each feature that differs', async () => {
    const bundle = await loadBundle(fixture('good'))
    const changed = columns
      .filter((column) => column.name !== 'days')
      .map((column) =>
        column.name === 'logins' ? { name: 'logins', type: 'double' as const } : column,
      )
    const other = { appHash: 'f'.repeat(64), columns: changed }
    const error = await refusal(Promise.resolve().then(() => checkFits(bundle, other)))
    expect(error.code).toBe('BUNDLE_APP_MISMATCH')
    expect(error.message).toMatch(/feature logins +long +double\n +feature days +long +absent/)
    const same = { ...app, columns: changed }
    const mismatch = await refusal(Promise.resolve().then(() => checkFits(bundle, same)))
    expect(mismatch.code).toBe('MODEL_MISMATCH')
  })
})
