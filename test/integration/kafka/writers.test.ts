/** Who may write, and what becomes of a commit that nobody answers. */
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { KafkaLog, KafkaLogOptions } from '../../../src/log/kafka-log.js'
import type { EventLog, LogRecord } from '../../../src/log/log.js'
import { KafkaPlace } from '../../support/kafka-place.js'
import { endTxnKey, LossySockets } from '../../support/lossy-sockets.js'
import { kafkaBrokers } from '../../support/shared-broker.js'

beforeAll(() => kafkaBrokers(), 300_000)

const record = (value: string): LogRecord => ({
  key: Buffer.from('k'),
  value: Buffer.from(value),
  timestamp: 1_700_000_000_000,
  headers: null,
})

function drafted(log: EventLog, topic: string, ...values: string[]) {
  const transaction = log.begin('task-0')
  for (const value of values) transaction.append(topic, 0, record(value))
  return transaction
}

async function valuesOf(log: EventLog, topic: string): Promise<string[]> {
  const reader = log.reader(topic, 0, 0)
  const values: string[] = []
  for (let atEnd = false; !atEnd;) {
    const poll = await reader.poll(1000, 0)
    for (const { value } of poll.records) values.push(value!.toString())
    atEnd = poll.atEnd
  }
  await reader.close()
  return values
}

async function openAt(place: KafkaPlace, options: Partial<KafkaLogOptions> = {}) {
  const log = await place.open(options)
  onTestFinished(() => log.close())
  return log
}

describe('a writer', () => {
  test('that another process has taken over cannot commit, nor begin again', async () => {
    const place = new KafkaPlace(['events'])
    const [topic] = place.topics
    const [old, young] = [await openAt(place), await openAt(place)]
    await old.fence('task-0')
    await drafted(old, topic, 'old 1').commit()
    const late = drafted(old, topic, 'old 2')
    await young.fence('task-0')
    await expect(late.commit()).rejects.toMatchObject({ code: 'TRANSACTION_FENCED' })
    await drafted(young, topic, 'young 1').commit()
    const again = drafted(old, topic, 'old 3')
    await expect(again.commit()).rejects.toMatchObject({ code: 'TRANSACTION_FENCED' })
    expect(await valuesOf(young, topic)).toEqual(['old 1', 'young 1'])
    await old.fence('task-0')
    await drafted(old, topic, 'old 4').commit()
    expect(await valuesOf(old, topic)).toEqual(['old 1', 'young 1', 'old 4'])
  })

  test('commits again and again without a pause, more than a batch holds', async () => {
    const place = new KafkaPlace(['events', 'features'])
    const log = await openAt(place)
    const due: string[] = []
    for (let round = 0; round < 20; round += 1) {
      const values = Array.from({ length: 50 }, (_, i) => `${round}/${i}/${'x'.repeat(60_000)}`)
      if (round % 7 !== 0) values.length = 3
      due.push(...values)
      await drafted(log, place.topics[round % 2], ...values).commit()
    }
    const came = [
      ...(await valuesOf(log, place.topics[0])),
      ...(await valuesOf(log, place.topics[1])),
    ]
    expect(came.toSorted()).toEqual(due.toSorted())
  })

  test('refuses a topic that is not there, by its name', async () => {
    const place = new KafkaPlace(['events'])
    const log = await openAt(place)
    const transaction = drafted(log, 'nowhere', 'x')
    await expect(transaction.commit()).rejects.toMatchObject({
      code: 'TOPIC_MISSING',
      message: expect.stringContaining('nowhere') as string,
    })
    await drafted(log, place.topics[0], 'y').commit()
  })
})

describe('a commit without an answer', () => {
  async function lossyLog(): Promise<{ log: KafkaLog; sockets: LossySockets; topic: string }> {
    const sockets = new LossySockets()
    const place = new KafkaPlace(['events'])
    const log = await openAt(place, { socketFactory: sockets.factory })
    await log.fence('task-0')
    await drafted(log, place.topics[0], 'first').commit()
    return { log, sockets, topic: place.topics[0] }
  }

  test.each([
    ['answer', 'is', ['first', 'second', 'third']],
    ['request', 'is not', ['first', 'third']],
  ] as const)('whose %s got lost ends as unknown, and %s in the log', async (what, _, due) => {
    const { log, sockets, topic } = await lossyLog()
    sockets.loseNext(endTxnKey, what)
    const committing = drafted(log, topic, 'second').commit()
    await expect(committing).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN', retry: 'now' })
    expect(sockets.lost).toBe(1)
    await log.fence('task-0')
    expect((await log.last(topic, 0))!.value!.toString()).toBe(due.at(-2))
    await drafted(log, topic, 'third').commit()
    expect(await valuesOf(log, topic)).toEqual(due)
  })

  test.each([
    ['AddPartitionsToTxn', 24],
    ['Produce', 0],
    ['InitProducerId', 22],
  ])('is asked again where %s is answered by nobody', async (_, key) => {
    const { log, sockets, topic } = await lossyLog()
    if (key === 22) await log.fence('task-0')
    for (const what of ['request', 'answer'] as const) {
      sockets.loseNext(key, what)
      if (key === 22) await log.fence('task-0')
      await drafted(log, topic, what).commit()
    }
    expect(sockets.lost).toBe(2)
    expect(await valuesOf(log, topic)).toEqual(['first', 'request', 'answer'])
  })
})
