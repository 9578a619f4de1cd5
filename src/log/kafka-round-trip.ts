/**
 * A request and its answer over one of the client's connections.
 *
 * The client's own way from a request to the socket copies it three times, into buffers of twice its
 * size; a commit has megabytes. Here the parts go to the socket as they are. Who waits for which
 * answer, timeouts and authentication stay the client's.
 */
import type { Connection } from 'kafkajs/src/network/connectionPool.js'
import type { KafkaRequest } from './kafka-requests.js'
import { WireReader, WireWriter } from './kafka-wire.js'

/** How much longer a request may take than the broker was asked to wait, in ms. */
const patienceMs = 10_000

export async function roundTrip<T>(connection: Connection, request: KafkaRequest<T>): Promise<T> {
  // Also again, where the broker has given the session an end.
  if (!connection.isAuthenticated()) await connection.authenticate()
  connection.failIfNotConnected()
  const correlationId = connection.nextCorrelationId()
  const parts = framed(request, correlationId, connection.clientId)
  const { name: apiName, key: apiKey, version: apiVersion, waitMs } = request
  const answer = new Promise<{ readonly payload: Buffer }>((resolve, reject) => {
    connection.requestQueue.push({
      entry: { apiKey, apiName, apiVersion, correlationId, resolve, reject },
      expectResponse: true,
      requestTimeout: waitMs === undefined ? null : waitMs + patienceMs,
      sendRequest: () => {
        const { socket } = connection
        socket.cork()
        for (const part of parts) socket.write(part)
        socket.uncork()
      },
    })
  })
  return request.decode(new WireReader((await answer).payload))
}

/** Size, header of version 1, body. */
function framed(
  request: KafkaRequest<unknown>,
  correlationId: number,
  clientId: string,
): Uint8Array[] {
  const writer = new WireWriter()
  const { key, version } = request
  writer.int32(0).int16(key).int16(version).int32(correlationId).string(clientId)
  request.encode(writer)
  const size = writer.parts.reduce((sum, { length }) => sum + length, 0)
  writer.int32At(0, size - 4)
  return writer.parts
}
