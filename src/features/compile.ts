/** From a declaration to the pure functions of the engine. */
import { CustomerAggregates } from './aggregates.js'
import { appHashOf, RETIRE_AFTER_MS, type Declaration } from './app-hash.js'
import { advanceOf, type EligiblePlan } from './changes.js'
import { checkEligible, checkFeatureSet } from './check.js'
import type { FeatureEngine } from './engine.js'
import { judgeOf, latenessBound } from './judge.js'
import { Planner } from './planner.js'
import { nextChangeOf, readOf } from './read.js'
import { CustomerJudged } from './seen-ids.js'
import type { EligibleSpec, FeatureSpec } from './spec.js'
import { stateCodec } from './state-codec.js'
import { updateOf } from './update.js'
import { ValueCompiler } from './value-compiler.js'
import type { NumberValue, TextOf } from './values.js'

/**
 * Compiles an app's declaration.
 *
 * @throws `FEATURES_INVALID` (exit 78), with every fault of the declaration
 * @example
 * const { spec, schemas } = featureSet
 * const engine = compile({ features: spec, schemas, eligible: null, rules: [] })
 */
export function compile(declaration: Declaration): FeatureEngine {
  const { features: spec, schemas, eligible } = declaration
  checkFeatureSet(spec, schemas)
  if (eligible !== null) checkEligible(eligible, schemas)
  const planner = new Planner(schemas)
  const compiler = new ValueCompiler(planner)
  const numbers: NumberValue[] = []
  const texts: TextOf[] = []
  for (const feature of spec.features) {
    if (feature.type === 'string') texts.push(textOf(compiler, feature))
    else numbers.push(compiler.number(feature.expression))
  }
  const eligiblePlan = planEligible(planner, eligible)
  const plan = planner.finish()
  const retireAfterMs = plan.longestMs + RETIRE_AFTER_MS
  const advance = advanceOf(plan, compiler.timed, eligiblePlan)
  const readPlan = { numbers, texts, advance, eligible: eligiblePlan, retireAfterMs }
  const judge = judgeOf(plan)
  const update = updateOf(plan)
  const read = readOf(readPlan)
  const nextChange = nextChangeOf(readPlan)
  return {
    appHash: appHashOf(declaration),
    columns: spec.features.map(({ name, type }) => ({ name, type })),
    types: planner.types,
    retireAfterMs,
    newJudged: () => new CustomerJudged(),
    judge: (clock, judged, type, body) => judge(clock, judged as CustomerJudged, type, body),
    lateBound: (clock, type) => latenessBound(plan, clock, type),
    newAggregates: () => new CustomerAggregates(plan),
    update: (state, type, body, offset, keepFrom) =>
      update(state as CustomerAggregates, type, body, offset, keepFrom),
    seen: (state) => state.newest !== -Infinity,
    read: (state, asOf, rows, row) => read(state as CustomerAggregates, asOf, rows, row),
    nextChange: (state, asOf) => nextChange(state as CustomerAggregates, asOf),
    codec: stateCodec(plan),
  }
}

function textOf(compiler: ValueCompiler, { name, expression }: FeatureSpec): TextOf {
  if (expression.kind === 'latest' || expression.kind === 'first') {
    return compiler.text(expression.kind, expression.source, expression.window)
  }
  throw new TypeError(`feature ${name} of kind ${expression.kind} has no text`)
}

/**
 * Eligibility selects rows and reads nothing into a feature: it keeps the newest event that counts
 * for it as long as its window reaches that, and leaves alone which events are late.
 */
function planEligible(planner: Planner, eligible: EligibleSpec | null): EligiblePlan | null {
  if (eligible === null) return null
  const { source, withinMs } = eligible
  const window = { lengthMs: withinMs, tileMs: 1 }
  planner.covers(withinMs)
  return { slot: planner.slot('newest', planner.source(source, true), window), withinMs }
}
