/** `tidemark models`: the bundles at hand, and which of them is in force. */
import { type Command, InvalidArgumentError } from 'commander'
import { configurationError } from '../errors.js'
import { type ModelInForce, modelsInForce } from '../replay/models-in-force.js'
import { type BundleList, listBundles, type ListedBundle } from '../scoring/bundle-list.js'
import { noBundle } from '../scoring/no-model.js'
import type { CliIo } from './io.js'
import { addSourceFlags, type OpenSource, type SourceFlags, withSource } from './open-source.js'
import { Progress } from './progress.js'
import { stoppable } from './stop.js'
import { instantText, numberText, plainText } from './texts.js'

interface Flags extends SourceFlags {
  readonly json?: boolean
}

interface Name {
  readonly name: string
  readonly version: string
}

export function modelsCommand(program: Command, io: CliIo): void {
  const models = program
    .command('models')
    .description('the model bundles at hand, and which is in force')
  addSourceFlags(models.command('list'))
    .description('the bundles of the app and of the data directory')
    .option('--json', 'as one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  tidemark models list')
    .action((flags: Flags) => stoppable(io, (stop) => runList(flags, io, stop)))
  addSourceFlags(models.command('show'))
    .description('one bundle: features, threshold, metrics, and the data it was trained on')
    .argument('<model>', 'NAME/VERSION, as the list has it', nameOf)
    .option('--json', 'as one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  tidemark models show churn-demo/1')
    .action((name: Name, flags: Flags) => stoppable(io, (stop) => runShow(name, flags, io, stop)))
}

/** Prints the bundles. Raises what `withSource` and the log raise. */
export async function runList(flags: Flags, io: CliIo, stop: AbortSignal): Promise<void> {
  const { bundles, broken, missing } = await modelsAtHand(flags, io, stop)
  if (flags.json) {
    io.out(`${JSON.stringify({ models: bundles, broken, missing })}\n`)
    return
  }
  const lines = bundles.flatMap(summaryOf)
  for (const { model, inForce } of missing) {
    lines.push(`${model.name}/${model.version}  ${model.hash}: not at hand`, ...sinceLines(inForce))
  }
  for (const { folder, code, reason } of broken) lines.push(`${folder}: ${code}: ${reason}`)
  io.out(lines.length === 0 ? 'no models\n' : `${lines.join('\n')}\n`)
}

/** Prints one bundle. Raises `BUNDLE_MISSING` (78), and what `withSource` and the log raise. */
export async function runShow(
  { name, version }: Name,
  flags: Flags,
  io: CliIo,
  stop: AbortSignal,
): Promise<void> {
  const { bundles } = await modelsAtHand(flags, io, stop)
  const models = bundles.filter((model) => model.name === name && model.version === version)
  if (models.length === 0) {
    const known = [...new Set(bundles.map((model) => `${model.name}/${model.version}`))].join(', ')
    const text = `no bundle is ${name}/${version}; at hand: ${known === '' ? 'none' : known}`
    throw configurationError('BUNDLE_MISSING', text)
  }
  // Two bundles may have one name: their hashes tell them apart.
  io.out(flags.json ? `${JSON.stringify({ models })}\n` : models.map(wholeOf).join('\n'))
}

function modelsAtHand(flags: Flags, io: CliIo, stop: AbortSignal) {
  return withSource(flags, io, stop, (data) => readModels(data, io, stop))
}

async function readModels(data: OpenSource, io: CliIo, signal: AbortSignal) {
  const { loaded, models, log, topics } = data
  const progress = new Progress(io, 'models', 'positions')
  const inForce = await modelsInForce({
    log,
    changelog: topics.changelog,
    signal,
    onProgress: (records) => progress.update(records, null),
  })
  progress.clear()
  const list = await listBundles([loaded.bundles, models])
  const { appHash } = loaded.app.engine
  const bundles = list.bundles.map((bundle) => factsOf(bundle, inForce, appHash))
  return { bundles, broken: list.broken, missing: missingOf(list, inForce) }
}

type ModelFacts = ReturnType<typeof factsOf>

function factsOf({ info, manifest, folders }: ListedBundle, all: ModelInForce[], appHash: string) {
  const { name, version, hash, threshold } = info
  return {
    name,
    version,
    hash,
    kind: manifest.kind,
    app: manifest.app,
    featureSet: manifest.featureSet,
    /** Whether it was trained for the declaration of the app that is at hand. */
    fits: manifest.appHash === appHash,
    threshold,
    thresholdChosenBy: manifest['thresholdChosenBy'] ?? null,
    features: manifest.features.map((feature) => ({ name: feature.name, type: feature.type })),
    metrics: manifest['metrics'] ?? null,
    data: manifest.data,
    trainingWindow: manifest['trainingWindow'] ?? null,
    folders,
    inForce: all.filter(({ model }) => model.hash === hash).map(sinceOf),
  }
}

function sinceOf({ partition, since }: ModelInForce) {
  return { partition, since: { ...since, asOf: instantText(since.asOf) } }
}

/** In force, and no bundle of the hash is at hand. */
function missingOf({ bundles }: BundleList, inForce: readonly ModelInForce[]) {
  const known = new Set([noBundle.hash, ...bundles.map(({ info }) => info.hash)])
  const missing = inForce.filter(({ model }) => !known.has(model.hash))
  const models = new Map(missing.map(({ model }) => [model.hash, model]))
  return [...models.values()].map((model) => ({
    model,
    inForce: missing.filter((one) => one.model.hash === model.hash).map(sinceOf),
  }))
}

function summaryOf(model: ModelFacts): string[] {
  const { name, version, hash, kind, threshold, features, folders, fits } = model
  const made = model.data.synthetic ? 'synthetic data' : 'data that is not synthetic'
  return [
    `${plainText(name)}/${plainText(version)}  ${hash}`,
    `  ${plainText(kind)} of ${features.length} features, threshold ${numberText(threshold)}, trained on ${made}`,
    ...(fits ? [] : ['  for another declaration of the app']),
    ...sinceLines(model.inForce),
    ...folders.map((folder) => `  ${folder}`),
  ]
}

function sinceLines(inForce: ModelFacts['inForce']): string[] {
  return inForce.map(({ partition, since }) => {
    const { commit, asOf, offset } = since
    const at = `commit ${commit} (changelog offset ${offset}), as of ${asOf}`
    return `  in force in partition ${partition} since ${at}`
  })
}

function wholeOf(model: ModelFacts): string {
  const { thresholdChosenBy, features, metrics, data, trainingWindow } = model
  const named = features.map(({ name, type }) => `${name} (${type})`)
  return `${[
    ...summaryOf(model),
    `  threshold chosen by: ${textOf(thresholdChosenBy)}`,
    `  features: ${plainText(named.join(', '))}`,
    ...linesOf('metrics', metrics),
    ...linesOf('data', data),
    ...linesOf('training window', trainingWindow),
  ].join('\n')}\n`
}

/** A line for each number or text, under its path; what is nested deeper stays JSON. */
function linesOf(title: string, value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  const lines = Object.entries(value).map(
    ([name, inner]) => `    ${plainText(name)}: ${textOf(inner)}`,
  )
  return [`  ${title}`, ...lines]
}

function textOf(value: unknown): string {
  return plainText(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'none'))
}

/** @example nameOf('churn-demo/1') // { name: 'churn-demo', version: '1' } */
function nameOf(text: string): Name {
  const at = text.lastIndexOf('/')
  if (at <= 0 || at === text.length - 1) {
    throw new InvalidArgumentError('a model is NAME/VERSION, such as churn-demo/1.')
  }
  return { name: text.slice(0, at), version: text.slice(at + 1) }
}
