import { copyFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ModelSlot, type SlotObserver } from '../../src/scoring/model-slot.js'
import { openModel } from '../../src/scoring/onnx-scorer.js'
import { app, copyOf, fixture, manyRows } from './fixtures.js'

async function slotOf(champion: string): Promise<{ slot: ModelSlot; told: string[] }> {
  const told: string[] = []
  const observer: SlotObserver = {
    scored: () => {},
    degraded: () => {},
    reloaded: (alias, bundle) => void told.push(`${alias} is ${bundle.name}`),
    refused: (alias, _, error, kept) => {
      told.push(`${alias} stays ${kept?.name ?? 'none'}: ${error.code}`)
    },
  }
  const open = (folder: string) => openModel(folder, app)
  const slot = new ModelSlot({
    champion: await open(champion),
    fallback: await open(fixture('fallback')),
    open,
    observer,
  })
  onTestFinished(() => slot.close())
  return { slot, told }
}

describe('ModelSlot', () => {
  it('puts a good bundle in force at the next commit border, not in a commit under way', async () => {
    const { slot, told } = await slotOf(fixture('good'))
    const underWay = slot.atCommitBorder()
    const before = await underWay.score(manyRows(50))
    const reload = await slot.reload('champion', fixture('trained-xgb'))
    expect(reload.outcome).toBe('reloaded')
    expect(underWay.inForce.name).toBe('good')
    expect((await underWay.score(manyRows(50))).probability).toEqual(before.probability)
    const next = slot.atCommitBorder()
    expect(next.inForce.name).toBe('tests-xgb')
    const after = await next.score(manyRows(50))
    expect(after.bundles.map((bundle) => bundle.name)).toEqual(['tests-xgb', 'fallback'])
    expect(after.probability).not.toEqual(before.probability)
    expect(told).toEqual(['champion is tests-xgb'])
  })

  it.each([
    'empty',
    'text',
    'nan',
    'wrong-length',
    'external-data',
    'custom-domain',
    'unknown-opset',
    'input-renamed',
    'nowhere',
  ])('keeps the old model where the new one is %s', async (name) => {
    const { slot, told } = await slotOf(fixture('good'))
    const reload = await slot.reload('champion', fixture(name))
    expect(reload.outcome).toBe('refused')
    expect(reload.bundle?.name).toBe('good')
    expect(slot.atCommitBorder().inForce.name).toBe('good')
    expect((await slot.atCommitBorder().score(manyRows(5))).degraded).toBeNull()
    expect(told).toEqual([expect.stringMatching(/^champion stays good: MODEL_/)])
  })

  it('goes on when the files of the model in force are spoilt or deleted', async () => {
    const folder = await copyOf('good')
    const { slot } = await slotOf(folder)
    const before = await slot.atCommitBorder().score(manyRows(50))
    await writeFile(join(folder, 'model.onnx'), 'spoilt')
    expect((await slot.reload('champion', folder)).outcome).toBe('refused')
    await rm(folder, { recursive: true })
    expect((await slot.reload('champion', folder)).outcome).toBe('refused')
    expect(await slot.atCommitBorder().score(manyRows(50))).toEqual(before)
  })

  it('does nothing where the same bundle is loaded again', async () => {
    const { slot, told } = await slotOf(fixture('good'))
    const before = slot.atCommitBorder()
    expect((await slot.reload('champion', await copyOf('good'))).outcome).toBe('unchanged')
    expect(slot.atCommitBorder()).toBe(before)
    expect(told).toEqual([])
  })

  it('replaces the fallback alone', async () => {
    const { slot } = await slotOf(fixture('nan-where-large'))
    await slot.reload('fallback', fixture('trained-lr'))
    const { bundles } = await slot.atCommitBorder().score(manyRows(5))
    expect(bundles.map((bundle) => bundle.name)).toEqual(['nan-where-large', 'tests-lr'])
  })

  it('reloads in the order in which it was asked', async () => {
    const { slot, told } = await slotOf(fixture('good'))
    const names = ['trained-lr', 'text', 'trained-xgb']
    await Promise.all(names.map((name) => slot.reload('champion', fixture(name))))
    expect(told).toEqual([
      'champion is tests-lr',
      'champion stays tests-lr: MODEL_INVALID',
      'champion is tests-xgb',
    ])
  })

  it('refuses a folder whose files are half replaced', async () => {
    const folder = await copyOf('good')
    const { slot } = await slotOf(folder)
    await copyFile(join(fixture('trained-xgb'), 'bundle.json'), join(folder, 'bundle.json'))
    const reload = await slot.reload('champion', folder)
    expect(reload.outcome === 'refused' && reload.error.code).toBe('MODEL_UNTRUSTED')
  })
})
