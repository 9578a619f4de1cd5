/**
 * One broker for all test files of a run: started when the first one asks, stopped at the end.
 *
 * The run's own process owns it (`setup`, vitest's global setup); the files, which are processes of
 * their own, ask over a local socket.
 */
import { createServer, connect } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KafkaBroker } from './kafka-broker.js'

const socketVariable = 'TIDEMARK_TEST_BROKER'

/** Offers the broker to the run's test files; the returned function takes it back. */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-run-'))
  let starting: Promise<KafkaBroker> | null = null
  const server = createServer((socket) => {
    starting ??= KafkaBroker.start()
    starting.then(
      ({ brokers }) => socket.end(`ok ${brokers}`),
      (error: Error) => socket.end(`error ${error.message}`),
    )
    socket.on('error', () => undefined)
  })
  const path = join(folder, 'broker.sock')
  await new Promise<void>((resolve) => server.listen(path, resolve))
  server.unref()
  process.env[socketVariable] = path
  return async () => {
    server.close()
    const broker = await starting?.catch(() => null)
    await broker?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * `host:port` of brokers to test against: those of KAFKA_BROKERS, else the run's own. To be awaited
 * in a hook with the time that the first start takes, a minute or more where jars are fetched.
 *
 * @throws Error with one sentence that says what to install
 */
export async function kafkaBrokers(): Promise<string[]> {
  const given = process.env['KAFKA_BROKERS']
  if (given !== undefined && given !== '') return given.split(',')
  const path = process.env[socketVariable]
  if (path === undefined) throw new Error('no test run offers a broker: run the tests by vitest')
  const answer = await new Promise<string>((resolve, reject) => {
    let text = ''
    const socket = connect(path)
    socket.on('data', (bytes) => (text += bytes.toString()))
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
  const [outcome, ...rest] = answer.split(' ')
  if (outcome !== 'ok') throw new Error(rest.join(' '))
  return rest
}
