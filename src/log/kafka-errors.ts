/**
 * What a broker's error codes and a client's failures mean to the log.
 *
 * Codes are told by their number: the client's table ends at 88, and its texts name no topic.
 */
import errors from 'kafkajs/src/protocol/error.js'
import { configurationError, exitCode, ioError, TidemarkError } from '../errors.js'

/** Error codes of Kafka's protocol that the log tells apart. */
export const kafkaCode = {
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  messageTooLarge: 10,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  illegalGeneration: 22,
  unknownMemberId: 25,
  rebalanceInProgress: 27,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  clusterAuthorizationFailed: 31,
  invalidTimestamp: 32,
  topicAlreadyExists: 36,
  invalidReplicationFactor: 38,
  invalidConfig: 40,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  invalidTxnState: 48,
  invalidProducerIdMapping: 49,
  invalidTransactionTimeout: 50,
  concurrentTransactions: 51,
  transactionalIdAuthorizationFailed: 53,
  unknownProducerId: 59,
  memberIdRequired: 79,
  fencedInstanceId: 82,
  invalidRecord: 87,
  producerFenced: 90,
  unknownTopicId: 100,
} as const

/** The leader has moved, or does not know yet that it is one: ask who leads, and again. */
const staleLeader: ReadonlySet<number> = new Set([3, 5, 6, 9, 13, 56, 72, 74, 75, 78, 100])
/** Not now: the same request may succeed in a moment. */
const busy: ReadonlySet<number> = new Set([7, 14, 15, 16, 19, 20, 51])

const fencing: ReadonlySet<number> = new Set<number>([
  kafkaCode.invalidProducerEpoch,
  kafkaCode.invalidTxnState,
  kafkaCode.invalidProducerIdMapping,
  kafkaCode.producerFenced,
])

export const isStaleLeader = (code: number): boolean => staleLeader.has(code)
export const isBusy = (code: number): boolean => busy.has(code)
export const isFenced = (code: number): boolean => fencing.has(code)

/** The broker refused; `code` is its number for why. */
export class BrokerRefusal extends Error {
  constructor(
    readonly code: number,
    what: string,
  ) {
    super(`${what}: the broker answers error ${code}${nameOf(code)}`)
    this.name = 'BrokerRefusal'
  }
}

/** No answer came: whether the request was carried out is not known. */
export class NoAnswer extends Error {
  constructor(what: string, cause: unknown) {
    super(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'NoAnswer'
  }
}

/** Somebody has closed what he asks through. */
export class LaneClosed extends Error {
  constructor(what: string) {
    super(`${what}: the log or its reader has been closed`)
    this.name = 'LaneClosed'
  }
}

/** Kafka's own name for the code, which is what a person looks for, with a hint where there is one. */
function nameOf(code: number): string {
  const [own] = Object.entries(kafkaCode).find(([, known]) => known === code) ?? []
  const known = errors.createErrorFromCode(code).type
  const name = own === undefined ? known : own.replace(/[A-Z]/g, '_$&').toUpperCase()
  const hint = hints[code]
  if (name.startsWith('KAFKAJS')) return ''
  return hint === undefined ? ` (${name})` : ` (${name}: ${hint})`
}

const hints: Readonly<Record<number, string>> = {
  19: 'fewer replicas are in sync than min.insync.replicas asks for',
  20: 'fewer replicas are in sync than min.insync.replicas asks for',
  32: 'the clock of this machine is ahead of the brokers, or a topic takes no such time',
}

/** A failure of the world as the engine knows it: with a code of ours, and whether to try again. */
export function kafkaFailure(error: unknown): TidemarkError {
  if (error instanceof TidemarkError) return error
  if (error instanceof NoAnswer) {
    const options = { exit: exitCode.dependency, retry: 'later', cause: error } as const
    return new TidemarkError('KAFKA_UNREACHABLE', error.message, options)
  }
  if (error instanceof LaneClosed) return ioError('LOG_CLOSED', error.message)
  if (!(error instanceof BrokerRefusal)) throw error
  const { code, message } = error
  if (isFenced(code)) return fenced(message, error)
  if (isDenied(code)) return configurationError('KAFKA_DENIED', message, error)
  const lasting: number[] = [
    kafkaCode.messageTooLarge,
    kafkaCode.invalidTimestamp,
    kafkaCode.invalidRecord,
    kafkaCode.invalidTransactionTimeout,
  ]
  if (lasting.includes(code)) return configurationError('KAFKA_REFUSED', message, error)
  const retry = { exit: exitCode.dependency, retry: 'later', cause: error } as const
  return new TidemarkError('KAFKA_FAILED', message, retry)
}

function isDenied(code: number): boolean {
  const denied: number[] = [
    kafkaCode.topicAuthorizationFailed,
    kafkaCode.groupAuthorizationFailed,
    kafkaCode.clusterAuthorizationFailed,
    kafkaCode.transactionalIdAuthorizationFailed,
  ]
  return denied.includes(code)
}

/** Somebody else has the writer now, or the broker has given up on its transaction. */
export function fenced(text: string, cause?: unknown): TidemarkError {
  const options = { exit: exitCode.tryAgain, retry: 'later', cause } as const
  return new TidemarkError('TRANSACTION_FENCED', text, options)
}
