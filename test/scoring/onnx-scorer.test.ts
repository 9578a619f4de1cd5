import { existsSync, readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { env } from 'onnxruntime-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FeatureRows } from '../../src/features/rows.js'
import { loadBundle } from '../../src/scoring/bundle.js'
import { OnnxScorer, openModel } from '../../src/scoring/onnx-scorer.js'
import { proveBundle } from '../../src/scoring/self-test.js'
import { app, bitsOf, columns, copyOf, fixture, manyRows, refusal, rowsOf } from './fixtures.js'

async function opened(name: string): Promise<OnnxScorer> {
  const scorer = await OnnxScorer.open(await loadBundle(fixture(name)), columns)
  onTestFinished(() => scorer.close())
  return scorer
}

const shippedRoot = fileURLToPath(new URL('../../bundles/', import.meta.url))

/** Every bundle that goes out with the package, by its folder under bundles/. */
const shipped = existsSync(shippedRoot)
  ? readdirSync(shippedRoot, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('bundle.json'))
      .map(dirname)
  : []

const MODELS = ['good', 'trained-lr', 'trained-xgb']

describe('OnnxScorer', () => {
  it('reads the columns that the bundle names, null as null', async () => {
    const scorer = await opened('good')
    const rows = rowsOf([
      { logins: 4, plan: 'free', amount: 100, days: 10 },
      { logins: 4, plan: 'basic', amount: 100, days: 10 },
      { logins: null, plan: null, amount: 100, days: null },
      {},
    ])
    const due = [-0.5 - 1 + 0.2 + 0.5 + 0.75, -0.5 - 1 + 0.2 + 0.5, -0.5 + 0.2, -0.5]
    const scores = await scorer.score(rows, 0, 4)
    due.forEach((logit, i) => expect(scores[i]).toBeCloseTo(1 / (1 + Math.exp(-logit)), 6))
  })

  it('scores the rows from `from` to `to` and no others', async () => {
    const scorer = await opened('trained-xgb')
    const rows = manyRows(700)
    const all = await scorer.score(rows, 0, 700)
    expect(await scorer.score(rows, 300, 620)).toEqual(all.slice(300, 620))
    expect(await scorer.score(rows, 5, 5)).toEqual(new Float32Array(0))
  })

  it.each(MODELS)('gives a row of %s the same bits alone and in any batch', async (name) => {
    const scorer = await opened(name)
    const count = 1100
    const rows = manyRows(count)
    const alone = new Float32Array(count)
    for (let row = 0; row < count; row++) alone.set(await scorer.score(rows, row, row + 1), row)
    for (const batch of [2, 3, 7, 8, 16, 33, 128, 256, 257, 1000]) {
      const batched = new Float32Array(count)
      for (let from = 0; from < count; from += batch) {
        batched.set(await scorer.score(rows, from, Math.min(count, from + batch)), from)
      }
      expect(bitsOf(batched), `batches of ${batch}`).toEqual(bitsOf(alone))
    }
    expect(alone.every((score) => score >= 0 && score <= 1)).toBe(true)
  })

  it('keeps calls apart that run at once', async () => {
    const scorer = await opened('trained-xgb')
    const rows = manyRows(600)
    const all = await scorer.score(rows, 0, 600)
    const calls = Array.from({ length: 12 }, (_, i) => scorer.score(rows, i * 50, 600 - i))
    for (const [i, scores] of (await Promise.all(calls)).entries()) {
      expect(scores).toEqual(all.slice(i * 50, 600 - i))
    }
  })

  it('takes rows whose columns are equal and refuses others', async () => {
    const scorer = await opened('good')
    const equal = new FeatureRows(structuredClone(columns))
    equal.add('c', 'event')
    equal.numbers.fill(1)
    equal.strings.push(null, null)
    expect((await scorer.score(equal, 0, 1)).length).toBe(1)
    const other = new FeatureRows([...columns].reverse())
    expect(() => scorer.score(other, 0, 0)).toThrow(/other columns/)
  })

  it('tells of an answer of another length', async () => {
    const scorer = await opened('wrong-length')
    const error = await refusal(scorer.score(manyRows(3), 0, 3))
    expect(error.code).toBe('SCORE_INVALID')
    expect(error.message).toContain('answered 3 rows with 6 values')
  })

  it('is usable again after the runtime threw', async () => {
    const scorer = await opened('throws-where-large')
    const rows = rowsOf([{ amount: 1 }, { amount: 5000 }])
    await expect(scorer.score(rows, 0, 2)).rejects.toThrow(/Gather/)
    expect((await scorer.score(rows, 0, 1)).length).toBe(1)
  })

  it('ends the calls that run before it closes', async () => {
    const scorer = await OnnxScorer.open(await loadBundle(fixture('trained-xgb')), columns)
    const call = scorer.score(manyRows(1000), 0, 1000)
    await scorer.close()
    expect((await call).length).toBe(1000)
    expect(() => scorer.score(manyRows(1), 0, 1)).toThrow(/closed/)
    await scorer.close()
  })

  it('lets the loop turn between the runs of a large call', async () => {
    const scorer = await opened('trained-xgb')
    let turns = 0
    let counting = true
    const turn = (): void => {
      turns++
      if (counting) setImmediate(turn)
    }
    setImmediate(turn)
    await scorer.score(manyRows(2560), 0, 2560)
    counting = false
    expect(turns).toBeGreaterThanOrEqual(9)
  })
})

describe('openModel', () => {
  it.each(['trained-lr', 'trained-xgb', 'good'])('opens %s', async (name) => {
    const scorer = await openModel(fixture(name), app)
    expect(scorer.bundle.name).toContain(name.replace('trained', 'tests'))
    await scorer.close()
  })

  it.each([
    ['unknown-opset', 'MODEL_INVALID', /onnxruntime refuses the graph/],
    ['nan', 'MODEL_INVALID', /row of nulls got NaN/],
    ['wrong-length', 'MODEL_INVALID', /answered 1 rows with 2 values/],
    ['text', 'MODEL_INVALID', /not an ONNX model/],
  ])('refuses %s', async (name, code, text) => {
    const error = await refusal(openModel(fixture(name), app))
    expect(error.code).toBe(code)
    expect(error.exit).toBe(78)
    expect(error.message).toMatch(text)
  })

  it('refuses a bundle of another app', async () => {
    const other = { appHash: 'e'.repeat(64), columns }
    expect((await refusal(openModel(fixture('good'), other))).code).toBe('BUNDLE_APP_MISMATCH')
  })
})

describe('proveBundle', () => {
  it.each(['trained-lr', 'trained-xgb'])('finds %s equal to the trainer’s scores', async (name) => {
    const bundle = await loadBundle(fixture(name))
    const proof = await proveBundle(bundle, await opened(name), columns)
    expect(proof.rows).toBeGreaterThan(60)
    expect(proof.largestDifference).toBeLessThanOrEqual(1e-6)
    // To the last bit on the trainer's own runtime; elsewhere within the tolerance.
    const sameRuntime = proof.onnxruntime === env.versions.node
    expect(proof.bitsEqual).toBeGreaterThanOrEqual(sameRuntime ? proof.rows : 0)
  })

  it.skipIf(shipped.length === 0)(
    'finds the shipped bundles equal to the trainer’s scores',
    async () => {
      for (const name of shipped) {
        const bundle = await loadBundle(join(shippedRoot, name))
        const scorer = await OnnxScorer.open(bundle, bundle.manifest.features)
        const proof = await proveBundle(bundle, scorer, bundle.manifest.features)
        await scorer.close()
        expect(proof.rows).toBeGreaterThan(0)
      }
    },
  )

  it('refuses a bundle that does not answer as its trainer saw', async () => {
    const copy = await copyOf('trained-lr')
    const path = join(copy, 'parity.json')
    const parity = JSON.parse(await readFile(path, 'utf8')) as {
      rows: { probability: number }[]
    }
    parity.rows[3].probability += 2e-6
    await writeFile(path, JSON.stringify(parity))
    const error = await refusal(openModel(copy, app))
    expect(error.code).toBe('MODEL_INVALID')
    expect(error.message).toContain('row 3 of parity.json')
    await writeFile(path, '{}')
    expect((await refusal(openModel(copy, app))).message).toContain('parity.json cannot be read')
  })

  it('asks a bundle without parity.json for a probability of an unknown customer', async () => {
    const bundle = await loadBundle(fixture('good'))
    expect(await proveBundle(bundle, await opened('good'), columns)).toEqual({
      rows: 0,
      bitsEqual: 0,
      largestDifference: 0,
      onnxruntime: null,
    })
  })
})
