import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findBundle, keepBundle } from '../../src/scoring/bundle-folders.js'
import { loadBundle } from '../../src/scoring/bundle.js'
import { copyOf, fixture, refusal, temporaryFolder } from './fixtures.js'

describe('keepBundle', () => {
  it('copies a bundle to a folder named by its hash, once', async () => {
    const kept = join(await temporaryFolder(), 'models')
    const bundle = await loadBundle(fixture('trained-xgb'))
    const folder = await keepBundle(bundle, kept)
    expect(folder).toBe(join(kept, bundle.info.hash))
    expect((await readdir(folder)).sort()).toEqual((await readdir(bundle.folder)).sort())
    expect((await loadBundle(folder)).info).toEqual(bundle.info)
    await rm(join(folder, 'MLmodel'))
    expect(await keepBundle(bundle, kept)).toBe(folder)
    expect(await readdir(folder)).not.toContain('MLmodel')
    expect(await readdir(kept)).toEqual([bundle.info.hash])
  })

  it('keeps one copy where several ask at once', async () => {
    const kept = await temporaryFolder()
    const bundle = await loadBundle(fixture('good'))
    await Promise.all(Array.from({ length: 5 }, () => keepBundle(bundle, kept)))
    expect(await readdir(kept)).toEqual([bundle.info.hash])
    expect((await loadBundle(join(kept, bundle.info.hash))).info).toEqual(bundle.info)
  })

  it('sets a damaged copy aside and writes a whole one', async () => {
    const kept = await temporaryFolder()
    const bundle = await loadBundle(fixture('good'))
    const folder = await keepBundle(bundle, kept)
    await writeFile(join(folder, 'model.onnx'), 'spoilt')
    await keepBundle(bundle, kept)
    expect((await loadBundle(folder)).info).toEqual(bundle.info)
    const aside = (await readdir(kept)).find((name) => name.includes('damaged'))
    expect(await readFile(join(kept, aside!, 'model.onnx'), 'utf8')).toBe('spoilt')
  })

  it('refuses to keep a bundle whose files changed since it was loaded', async () => {
    const kept = await temporaryFolder()
    const copy = await copyOf('good')
    const bundle = await loadBundle(copy)
    await writeFile(join(copy, 'model.onnx'), 'spoilt')
    expect((await refusal(keepBundle(bundle, kept))).code).toBe('MODEL_INVALID')
    expect(await readdir(kept)).toEqual([])
  })

  it('says where a copy cannot be written', async () => {
    const bundle = await loadBundle(fixture('good'))
    const file = join(await temporaryFolder(), 'file')
    await writeFile(file, '')
    const error = await refusal(keepBundle(bundle, join(file, 'models')))
    expect([error.code, error.exit]).toEqual(['BUNDLE_NOT_KEPT', 74])
  })
})

describe('findBundle', () => {
  it('finds a bundle by its hash under the roots and among the kept ones', async () => {
    const kept = await temporaryFolder()
    const { info } = await loadBundle(fixture('good'))
    const roots = ['/nowhere', fixture('..'), fixture('.')]
    expect((await findBundle(info.hash, { kept, roots })).folder).toBe(fixture('good'))
    await keepBundle(await loadBundle(fixture('good')), kept)
    expect((await findBundle(info.hash, { kept, roots: [] })).folder).toBe(join(kept, info.hash))
  })

  it('takes another copy where the first is damaged, and tells of the damage where there is none', async () => {
    const kept = await temporaryFolder()
    const bundle = await loadBundle(fixture('good'))
    const folder = await keepBundle(bundle, kept)
    await writeFile(join(folder, 'model.onnx'), 'spoilt')
    const { hash } = bundle.info
    expect((await findBundle(hash, { kept, roots: [fixture('.')] })).folder).toBe(fixture('good'))
    expect((await refusal(findBundle(hash, { kept, roots: [] }))).code).toBe('MODEL_INVALID')
  })

  it('says that a bundle is missing and where it looked', async () => {
    const error = await refusal(findBundle('a'.repeat(64), { kept: 'kept', roots: [fixture('.')] }))
    expect([error.code, error.exit]).toEqual(['BUNDLE_MISSING', 78])
    expect(error.message).toContain('looked in kept, ')
  })
})
