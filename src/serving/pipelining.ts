/**
 * A bound on what one connection asks before it has read what it asked first (pipelining): each
 * answer waits in memory for the ones before, so whoever asks without reading costs ever more of it,
 * and the engine's time. Beyond the bound the connection is cut: an answer would only wait as well.
 */
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** Requests of one connection whose answers its side has not taken; browsers send one at a time. */
export const UNANSWERED_MAX = 32

/** A connection over which nothing has moved for so long is cut, also where an answer waits. */
export const STALLED_MAX_MS = 30_000

/** Call it before other hooks: what is beyond the bound does nothing else. */
export function boundPipelining(server: FastifyInstance): void {
  const unanswered = new WeakMap<Socket, number>()
  server.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    const asked = (unanswered.get(socket) ?? 0) + 1
    // A portion of bytes may have hundreds more behind the one that was too much.
    if (socket.destroyed || asked > UNANSWERED_MAX) {
      reply.hijack()
      socket.destroy()
      return
    }
    unanswered.set(socket, asked)
    reply.raw.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1))
    done()
  })
}
