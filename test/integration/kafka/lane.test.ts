/** Connections of a lane, and that none of them outlives it. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { ISocketFactory } from 'kafkajs'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { KafkaConnector, KafkaLane } from '../../../src/log/kafka-lane.js'
import { metadataRequest } from '../../../src/log/kafka-requests.js'
import { kafkaBrokers } from '../../support/shared-broker.js'

let brokers: string[]

beforeAll(async () => {
  brokers = await kafkaBrokers()
}, 300_000)

function countedLane() {
  const sockets: Socket[] = []
  const socketFactory: ISocketFactory = ({ host, port, onConnect }) => {
    const socket = connect({ host, port }, onConnect)
    sockets.push(socket)
    return socket
  }
  const lane = new KafkaLane(new KafkaConnector({ brokers, socketFactory }))
  onTestFinished(() => lane.close())
  const [host, port] = brokers[0].split(':')
  const send = () => lane.send({ host, port: Number(port) }, metadataRequest([]))
  return { lane, sockets, send }
}

test('requests that find their connection closed share one new one, which closes with the lane', async () => {
  const { lane, sockets, send } = countedLane()
  await send()
  const [first] = sockets
  // As a broker does that is killed, or that was not asked anything for ten minutes.
  first.emit('end')
  first.destroy()
  await once(first, 'close')
  const answers = await Promise.all(Array.from({ length: 10 }, send))
  expect(answers).toHaveLength(10)
  expect(sockets).toHaveLength(2)
  const closed = once(sockets[1], 'close')
  lane.close()
  await closed
  expect(sockets.filter((socket) => !socket.destroyed)).toEqual([])
})
