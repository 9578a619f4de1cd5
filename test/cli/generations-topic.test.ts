/** What stands in the topic of generations, and who reads what of it. */
import { expect, onTestFinished, test } from 'vitest'
import type { Generation } from '../../src/cli/generation.js'
import { askFor } from '../../src/cli/generations.js'
import { GenerationsTopic, type ListLog } from '../../src/cli/generations-topic.js'
import { openOrRefuse, refused } from '../../src/cli/refusing.js'
import { configurationError, TidemarkError } from '../../src/errors.js'
import type { Transaction } from '../../src/log/log.js'
import { MemoryLog } from '../../src/log/memory-log.js'

const app = { appHash: 'a', declaration: {}, schemaIds: {}, growing: [], synthetic: false }
const first: Generation = { number: 1, reference: 'churn', app, models: null, isBuilt: true }
const second: Generation = { ...first, number: 2, app: { ...app, appHash: 'b' } }

/** A log whose topic is there when the test says so, and lists of it as processes have them. */
function place() {
  const memory = new MemoryLog({ partitions: 1, timeBase: { kind: 'none' } })
  onTestFinished(() => memory.close())
  const topic = { isThere: true }
  const log: ListLog = Object.assign(memory, { includeIfThere: async () => topic.isThere })
  const list = (writer: string) =>
    new GenerationsTopic({ log, topic: 'churn.generations', app: 'churn', kept: '', writer })
  return { topic, log, list }
}

/** Both generations are listed, and the second one is asked for. */
async function asked() {
  const { list } = place()
  const [command, worker] = [list('rebuild'), list('generations')]
  await command.register(first)
  await command.write({ ...(await command.read()), generations: [first, second] })
  await askFor(command, 2)
  await worker.catchUp()
  return { command, worker, list }
}

const missing = configurationError('BUNDLE_MISSING', 'no bundle has the hash 12')
const away = new TidemarkError('REDIS_UNAVAILABLE', 'away', { exit: 69, retry: 'later' })

/** Tries to open a generation, and fails with what it is given. */
async function fail(list: GenerationsTopic, error: Error, number = 2): Promise<void> {
  const opening = openOrRefuse(list, number, () => Promise.reject(error), String)
  await expect(opening).rejects.toBe(error)
}

test('whoever asks hears why a worker refuses, unless it may come back', async () => {
  const { command, worker, list } = await asked()
  await fail(worker, away)
  await command.catchUp()
  expect(command.refusal).toBeNull()
  await fail(worker, missing)
  await fail(list('generations'), new Error('somebody else is too late'))
  await command.catchUp()
  expect(command.refusal).toMatchObject({ code: 'BUNDLE_MISSING', text: missing.message, exit: 78 })
  const told = refused(2, command.refusal!)
  expect(told).toMatchObject({ code: 'BUNDLE_MISSING', exit: 78 })
  expect(told.message).toMatch(/does not switch to generation 2: no bundle .*rebuild --back/)
})

test('what was refused once is no answer to who asks again', async () => {
  const { command, worker } = await asked()
  await fail(worker, missing)
  await command.askAgain()
  expect(command.refusal).toBeNull()
  await fail(worker, missing)
  await command.catchUp()
  expect(command.refusal).not.toBeNull()
  await askFor(command, 1)
  await askFor(command, 2)
  expect(command.refusal).toBeNull()
  // It is about what is asked for no longer.
  await fail(worker, missing, 1)
  await command.catchUp()
  expect(command.refusal).toBeNull()
})

test('what is no failure of ours to name has a code all the same', async () => {
  const { worker } = await asked()
  await fail(worker, Object.assign(new Error('not a directory'), { code: 'ENOTDIR' }))
  const refusal = { code: 'GENERATION_REFUSED', text: 'not a directory', exit: 74 }
  await worker.catchUp()
  expect(worker.refusal).toMatchObject(refusal)
})

test('of workers that begin at once and take the writer from each other, one lists the first generation', async () => {
  const { log } = place()
  // Slow enough for all others to take the writer meanwhile.
  const slow = (transaction: Transaction): Transaction => ({
    ...transaction,
    append: (...record) => transaction.append(...record),
    commit: async () => {
      await new Promise((resolve) => setTimeout(resolve, 10 + 20 * Math.random()))
      return transaction.commit()
    },
  })
  const begin = log.begin.bind(log)
  Object.assign(log, { begin: (writer: string) => slow(begin(writer)) })
  const processes = Array.from({ length: 4 }, () => {
    const where = { log, topic: 'churn.generations', app: 'churn', kept: '', writer: 'generations' }
    return new GenerationsTopic(where)
  })
  await Promise.all(processes.map((one) => one.register(first)))
  expect(await log.endOffset('churn.generations', 0)).toBe(1)
})

test('without the topic the first generation runs, and is listed when it appears', async () => {
  const { topic, list } = place()
  topic.isThere = false
  const worker = list('generations')
  await worker.register(first)
  expect([worker.isThere, worker.asked, worker.owner?.appHash]).toEqual([false, 1, 'a'])
  await fail(worker, missing, 1)
  topic.isThere = true
  await worker.catchUp()
  await worker.catchUp()
  const other = list('rebuild')
  await other.catchUp()
  expect([worker.isThere, other.owner?.generations]).toEqual([true, [first]])
})

test('who finds the topic with a list in it takes that for its own', async () => {
  const { topic, list } = place()
  const command = list('rebuild')
  await command.register({ ...first, reference: '/apps/churn' })
  topic.isThere = false
  const worker = list('generations')
  await worker.register(first)
  topic.isThere = true
  await worker.catchUp()
  expect(worker.owner?.reference).toBe('/apps/churn')
})

test.each([true, false])(
  'a commit of unknown outcome is looked up: it took place: %s',
  async (did) => {
    const { list, log } = place()
    const begin = log.begin.bind(log)
    let commits = 0
    log.begin = (id) => {
      const transaction = begin(id)
      const commit = transaction.commit.bind(transaction)
      transaction.commit = async () => {
        if (++commits > 1) return commit()
        await (did ? commit() : transaction.abort())
        throw new TidemarkError('COMMIT_UNKNOWN', 'a broker went away', { exit: 69, retry: 'now' })
      }
      return transaction
    }
    const worker = list('generations')
    await worker.register(first)
    expect(worker.owner).toMatchObject({ generation: 1, generations: [{ number: 1 }] })
    expect(await log.endOffset('churn.generations', 0)).toBe(1)
  },
)
