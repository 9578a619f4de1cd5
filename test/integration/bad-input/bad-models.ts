/** Bundles that must not score: refused at the start, whatever is wrong with them. */
import { cpSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { churn } from '../../../src/apps/churn/app.js'
import { canonicalHash } from '../../../src/features/canonical-json.js'
import type { CommandLine } from './command-line.js'
import { once, type Place } from './place.js'

const fixtures = 'test/fixtures/models'
const champion = 'bundles/churn/champion'

/** A start with one of the bundles that `test/fixtures/models/make.py` makes. */
const fixture = (row: string, name: string, code: string, ...says: string[]): CommandLine => ({
  inProcess: true,
  row,
  given: `the bundle ${name}`,
  args: (place) => ['start', '--data', place.data(), '--model', join(fixtures, name), ...once],
  exit: 78,
  code,
  says,
})

/** A start with a copy of the champion to which something was done. */
const spoilt = (
  row: string,
  given: string,
  spoil: (folder: string) => void,
  code: string,
  ...says: string[]
): CommandLine => ({
  inProcess: true,
  row,
  given,
  args: (place) => {
    const folder = place.path('bundle')
    cpSync(champion, folder, { recursive: true })
    spoil(folder)
    return ['start', '--data', place.data(), '--model', folder, ...once]
  },
  exit: 78,
  code,
  says,
})

/**
 * Makes a bundle for the churn app of a graph of the fixtures. Those with a bad answer give it where
 * the second number is above 1,000: here the mean length of a session, in seconds.
 */
export function bundleOf(place: Place, graph: string): string {
  const folder = place.path(graph)
  mkdirSync(folder)
  cpSync(join(fixtures, graph, 'model.onnx'), join(folder, 'model.onnx'))
  const { appHash, columns } = churn().engine
  const manifest = JSON.parse(readFileSync(join(fixtures, graph, 'bundle.json'), 'utf8')) as object
  const num = ['logins_last_7_days', 'avg_session_duration_30d', 'days_since_last_login']
  const cat = ['plan_type']
  const features = columns.filter(({ name }) => [...num, ...cat].includes(name))
  const inputs = { num, cat }
  const bundle = { ...manifest, app: 'churn', appHash, featureSet: 'churn/1', features, inputs }
  writeFileSync(join(folder, 'bundle.json'), JSON.stringify(bundle))
  writeFileSync(join(folder, 'HASH'), `${canonicalHash(bundle)}\n`)
  return folder
}

const own = (graph: string, code: string, ...says: string[]): CommandLine => ({
  inProcess: true,
  row: 'B30',
  given: `a graph that does not run as it should (${graph})`,
  args: (place) => ['start', '--data', place.data(), '--model', bundleOf(place, graph), ...once],
  exit: 78,
  code,
  says,
})

export const badModels: readonly CommandLine[] = [
  { ...fixture('B29', 'nowhere', 'MODEL_MISSING', 'nowhere'), inProcess: false },
  fixture('B29', 'empty', 'MODEL_INVALID', 'is empty'),
  fixture('B29', 'text', 'MODEL_INVALID'),
  spoilt(
    'B29',
    'a model of 2 GB',
    (folder) => truncateSync(join(folder, 'model.onnx'), 2 ** 31),
    'MODEL_TOO_LARGE',
    'model.onnx',
  ),
  spoilt(
    'B29',
    'a bundle.json that is cut off',
    (folder) => truncateSync(join(folder, 'bundle.json'), 100),
    'MODEL_INVALID',
    'is not JSON',
  ),
  fixture('B30', 'input-renamed', 'MODEL_MISMATCH', 'input num', 'absent'),
  fixture('B30', 'input-too-wide', 'MODEL_MISMATCH', 'float[N,3]', 'float[N,5]'),
  fixture('B30', 'input-one-row', 'MODEL_MISMATCH', 'float[1,3]'),
  fixture('B30', 'output-double', 'MODEL_MISMATCH', 'other[N,1]'),
  fixture('B30', 'good', 'BUNDLE_APP_MISMATCH', 'feature amount', 'train it again'),
  { ...own('nan', 'MODEL_INVALID', 'which is no probability'), inProcess: false },
  own('wrong-length', 'MODEL_INVALID', 'fails its own test'),
  own('unknown-opset', 'MODEL_INVALID', 'opset'),
  { ...fixture('B31', 'external-data', 'MODEL_UNTRUSTED'), inProcess: false },
  fixture('B31', 'external-in-branch', 'MODEL_UNTRUSTED'),
  fixture('B31', 'custom-domain', 'MODEL_UNTRUSTED', 'com.example'),
  spoilt(
    'B31',
    'a model with one changed byte at its end',
    (folder) => {
      const path = join(folder, 'model.onnx')
      const bytes = readFileSync(path)
      bytes[bytes.length - 1] ^= 1
      writeFileSync(path, bytes)
    },
    'MODEL_UNTRUSTED',
    'SHA-256',
  ),
  spoilt(
    'B31',
    'a changed threshold',
    (folder) => {
      const path = join(folder, 'bundle.json')
      const text = readFileSync(path, 'utf8')
      writeFileSync(path, text.replace(/"threshold": [0-9.]+/, '"threshold": 0.001'))
    },
    'MODEL_UNTRUSTED',
    'HASH names',
  ),
]
