/**
 * What brokers say to a user who changes nothing: whether they let him in, what he may see, and
 * whether the topics are there. Sends no record, joins no group and opens no transaction.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Admin, type GroupDescriptions, Kafka, type KafkaConfig, logLevel } from 'kafkajs'

export type KafkaStep = 'sasl' | 'acl' | 'topic' | 'broker'

export interface KafkaOutcome {
  readonly step: KafkaStep
  readonly subject: string
  readonly ok: boolean
  readonly text: string
  /** Whether only a person can mend it; else the cluster may come back by itself. */
  readonly isLasting: boolean
}

export interface KafkaProbe {
  /** At least one of the brokers has been reached. */
  readonly connection: Pick<KafkaConfig, 'brokers' | 'clientId' | 'ssl' | 'sasl'>
  /** The first one is the input: the others have as many partitions. */
  readonly topics: readonly string[]
  readonly groupId: string
  /** The user, for the commands that are told. */
  readonly user: string
}

export interface KafkaProbed {
  readonly outcomes: readonly KafkaOutcome[]
  /** Where the brokers say that they are, which is where clients go. */
  readonly advertised: readonly { readonly host: string; readonly port: number }[]
}

const answerMsMax = 10_000
const groupTriesMax = 20
const groupPauseMs = 250

export async function probeKafka(probe: KafkaProbe): Promise<KafkaProbed> {
  const { connection } = probe
  const kafka = new Kafka({
    ...connection,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 5_000,
    authenticationTimeout: answerMsMax,
    requestTimeout: answerMsMax,
    retry: { retries: 0 },
  })
  const admin = kafka.admin()
  try {
    const entered = await enter(admin, probe)
    if (entered.advertised.length === 0) return entered
    const topics = await probeTopics(admin, probe)
    const group = await probeGroup(admin, probe)
    return { ...entered, outcomes: [...entered.outcomes, ...topics, ...group] }
  } finally {
    await admin.disconnect().catch(() => undefined)
  }
}

async function enter(admin: Admin, { connection, user }: KafkaProbe): Promise<KafkaProbed> {
  const hasSasl = connection.sasl !== undefined
  const subject = hasSasl ? `${connection.sasl?.mechanism} as ${user}` : 'no user'
  const refused = (text: string, isLasting = true): KafkaProbed => ({
    outcomes: [{ step: 'sasl', subject, ok: false, text, isLasting }],
    advertised: [],
  })
  try {
    await admin.connect()
  } catch (error) {
    const { name, message } = causeOf(error)
    // Asking for a token may have failed, with a text of its own.
    if (name.includes('SASL') || name === 'TidemarkError') return refused(message)
    const advice = connection.ssl === false ? 'does it expect TLS (kafka.ssl)?' : 'is it a broker?'
    return refused(`the broker ends the connection (${message}); ${advice}`)
  }
  try {
    const { brokers } = await admin.describeCluster()
    const text = `let in, of ${brokers.length} brokers`
    return {
      outcomes: [{ step: 'sasl', subject, ok: true, text, isLasting: false }],
      advertised: brokers.map(({ host, port }) => ({ host, port })),
    }
  } catch (error) {
    const { message } = causeOf(error)
    if (hasSasl) return refused(message, false)
    // A broker that wants a user answers which versions it speaks, and nothing more.
    return refused(`${message}: does it want a user (kafka.sasl)?`)
  }
}

async function probeTopics(admin: Admin, { topics, user }: KafkaProbe): Promise<KafkaOutcome[]> {
  const outcomes: KafkaOutcome[] = []
  let due: number | null = null
  for (const topic of topics) {
    const outcome = (ok: boolean, text: string, step: KafkaStep = 'topic') =>
      outcomes.push({ step, subject: topic, ok, text, isLasting: true })
    try {
      const { topics: found } = await admin.fetchTopicMetadata({ topics: [topic] })
      const copies = found[0]?.partitions.map(({ replicas }) => replicas.length) ?? []
      const partitions = copies.length
      due ??= partitions
      const single = copies.includes(1) ? '; one copy: what is in it is lost with its broker' : ''
      if (partitions === due) outcome(true, `${partitions} partitions${single}`)
      else outcome(false, `${partitions} partitions; ${due} are due, as ${topics[0]} has`)
    } catch (error) {
      const { type, message } = causeOf(error)
      if (type === 'UNKNOWN_TOPIC_OR_PARTITION') {
        outcome(false, 'there is no such topic; tidemark topics create makes it')
      } else if (type === 'TOPIC_AUTHORIZATION_FAILED') {
        const operations = '--operation Describe --operation Read --operation Write'
        outcome(
          false,
          `not for this user: ${aclCommand(user, operations, `--topic ${topic}`)}`,
          'acl',
        )
      } else {
        outcomes.push({
          step: 'broker',
          subject: topic,
          ok: false,
          text: message,
          isLasting: false,
        })
      }
    }
  }
  return outcomes
}

async function probeGroup(admin: Admin, { groupId, user }: KafkaProbe): Promise<KafkaOutcome[]> {
  const subject = `group ${groupId}`
  const command = aclCommand(user, '--operation Read', `--group ${groupId}`)
  try {
    const { groups } = await described(admin, groupId)
    const text = `${groups[0]?.members.length ?? 0} members now`
    return [{ step: 'acl', subject, ok: true, text, isLasting: false }]
  } catch (error) {
    const { name, type, message } = causeOf(error)
    // Before the group is asked for its members, the client tells a denial as a missing broker.
    if (name !== coordinatorMissing && type !== 'GROUP_AUTHORIZATION_FAILED') {
      return [{ step: 'broker', subject, ok: false, text: message, isLasting: false }]
    }
    const text = `no broker answers for it, or it is not for this user: ${command}`
    return [{ step: 'acl', subject, ok: false, text, isLasting: true }]
  }
}

/** The first question about any group of a new cluster makes it create the place for groups. */
async function described(admin: Admin, groupId: string): Promise<GroupDescriptions> {
  for (let tries = 1; ; tries++) {
    try {
      return await admin.describeGroups([groupId])
    } catch (error) {
      if (causeOf(error).name !== coordinatorMissing || tries === groupTriesMax) throw error
    }
    await sleep(groupPauseMs)
  }
}

const coordinatorMissing = 'KafkaJSGroupCoordinatorNotFound'

function aclCommand(user: string, operations: string, resource: string): string {
  const name = user === '' ? 'ANONYMOUS' : user
  return `kafka-acls.sh --add --allow-principal User:${name} ${operations} ${resource}`
}

/** The failure below those that only say that it was tried. */
function causeOf(error: unknown): { name: string; type: string; message: string } {
  let at = error
  while (at instanceof Error && at.cause instanceof Error) at = at.cause
  const { name = '', type = '', message = String(at) } = at as Partial<Record<string, string>>
  return { name, type, message }
}
