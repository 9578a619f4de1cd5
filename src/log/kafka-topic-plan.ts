/**
 * What the topics of an app are created with, and what of it they must keep.
 *
 * Kafka keeps by the stamps of records, and outputs are stamped with the instant that they are of: a
 * log of 2011 would be deleted as soon as it is written. So only topics of a log whose time is the
 * wall's may forget.
 */
import { recordBytesMax, type TimeBase, type Topics } from './log.js'

export interface DueSetting {
  readonly name: string
  /** What a new topic gets, and what an unsuitable one is to be given. */
  readonly value: string
  /** Whether what an existing topic has will do. */
  suits(value: string): boolean
  /** What would be wrong otherwise, as the end of a sentence. */
  readonly why: string
}

export interface TopicPlan {
  readonly topic: string
  readonly settings: readonly DueSetting[]
  /** Whether a deployment from before may lack it. */
  readonly isOptional?: boolean
}

const dayMs = 86_400_000
/** For how long outputs can be verified and followed, in ms, unless an operator says otherwise. */
export const keptMs = 400 * dayMs
const hourMs = 3_600_000

/** The plans of all topics, the input first. */
export function topicPlans(topics: Topics, timeBase: TimeBase): TopicPlan[] {
  const forgets = timeBase.kind === 'wall'
  const outputs = [topics.features, topics.scores, topics.rejects, topics.late]
  return [
    { topic: topics.events, settings: [...always, ...inputSettings(forgets)] },
    ...outputs.map((topic) => ({ topic, settings: [...always, deleted, kept(forgets)] })),
    { topic: topics.changelog, settings: [...always, ...positionSettings(forgets)] },
    { topic: topics.ingests, settings: [...always, deleted, keptForEver] },
    statePlan(topics.state),
    { topic: topics.generations, settings: [...always, compacted], isOptional: true },
  ]
}

/** Of the topic that keeps the state of a generation. */
export function statePlan(topic: string): TopicPlan {
  return { topic, settings: [...always, ...stateSettings] }
}

/** The plans by which topics are created: a new input keeps all; one that is there may forget. */
export function newTopicPlans(topics: Topics, timeBase: TimeBase): TopicPlan[] {
  const [input, ...others] = topicPlans(topics, timeBase)
  const history = historySettings.map((setting) => ({ ...setting, suits: () => true }))
  return [{ ...input, settings: [...input.settings, ...history] }, ...others]
}

/** What a worker asks of them beyond that: `input` of the input, be it nothing. */
export function workerPlans(
  topics: Topics,
  timeBase: TimeBase,
  input: readonly DueSetting[],
): TopicPlan[] {
  const [first, ...others] = topicPlans(topics, timeBase)
  return [{ ...first, settings: [...first.settings, ...input] }, ...others]
}

/** That no record of the input goes before others. */
export const orderSettings: readonly DueSetting[] = [
  exactly('cleanup.policy', 'delete', 'the input would lose records'),
]

/** That everything which was ever in the input can be read again. */
export const historySettings: readonly DueSetting[] = [
  ...orderSettings,
  exactly('retention.ms', '-1', 'what was emitted could not be derived again'),
  exactly('retention.bytes', '-1', 'what was emitted could not be derived again'),
]

function exactly(name: string, value: string, why: string): DueSetting {
  return { name, value, why, suits: (came) => came === value }
}

function atLeast(name: string, value: number, why: string): DueSetting {
  return { name, value: String(value), why, suits: (came) => Number(came) >= value }
}

const always: readonly DueSetting[] = [
  exactly('message.timestamp.type', 'CreateTime', 'all that was ingested would be of today'),
  atLeast('max.message.bytes', recordBytesMax, 'records that the log takes would be refused'),
]

const deleted = exactly(
  'cleanup.policy',
  'delete',
  'rows and scores of one commit would no longer stand side by side',
)

const keptForEver = exactly('retention.ms', '-1', 'records would be deleted by their stamps')

function kept(forgets: boolean): DueSetting {
  if (!forgets) return keptForEver
  return {
    name: 'retention.ms',
    value: String(keptMs),
    // Shorter costs what can be verified; that is for the operator to decide.
    suits: (came) => came === '-1' || Number(came) >= dayMs,
    why: 'snapshots could not follow the outputs over an outage of a day',
  }
}

function inputSettings(isWall: boolean): DueSetting[] {
  if (!isWall) return []
  const why = 'one client whose clock is wrong would move the time of all customers'
  return [
    {
      name: 'message.timestamp.after.max.ms',
      value: String(hourMs),
      suits: (came) => Number(came) <= hourMs,
      why,
    },
  ]
}

/** The last position must never go, and the others not before they can no longer be verified. */
function positionSettings(forgets: boolean): DueSetting[] {
  const why = 'positions of commits would be lost'
  if (!forgets) return [exactly('cleanup.policy', 'delete', why), keptForEver]
  return [
    exactly('cleanup.policy', 'compact', why),
    {
      name: 'min.compaction.lag.ms',
      value: String(keptMs),
      suits: (came) => Number(came) >= dayMs,
      why: 'what was emitted could not be verified',
    },
  ]
}

const compacted = exactly(
  'cleanup.policy',
  'compact',
  'what state belongs to which app would be lost',
)

const stateSettings: readonly DueSetting[] = [
  exactly('cleanup.policy', 'compact', 'the state of customers would be lost'),
  atLeast('delete.retention.ms', dayMs, 'customers that were erased would come back'),
  // Only closed segments are compacted, and what is not is restored in full.
  {
    name: 'segment.bytes',
    value: String(128 * 1024 * 1024),
    suits: () => true,
    why: '',
  },
]
