/** A proxy before an HTTP server, which a test can make fail in the ways that servers do. */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'

export type Mood =
  | 'well'
  /** Says 500. */
  | 'broken'
  /** Says nothing. */
  | 'silent'
  /** Closes the connection. */
  | 'rude'
  /** A page of somebody else, with this status. */
  | { readonly page: number }

export interface UnsteadyHttp {
  url: string
  mood: Mood
  /** What the mood is about; all else goes well. */
  about: RegExp
  /** How many requests came. */
  requests: number
  /** What the last one had to say who it is of. */
  authorization: string | undefined
}

/** For the running test; `target` is an address with a path that is put before each request's. */
export async function unsteadyHttp(target: string): Promise<UnsteadyHttp> {
  const unsteady: UnsteadyHttp = {
    url: '',
    mood: 'well',
    about: /^/,
    requests: 0,
    authorization: undefined,
  }
  const server = createServer((incoming, outgoing) => {
    unsteady.requests++
    unsteady.authorization = incoming.headers.authorization
    const { mood, about } = unsteady
    if (mood === 'well' || !about.test(incoming.url ?? '')) forward(target, incoming, outgoing)
    else if (mood === 'broken') outgoing.writeHead(500).end('{"error_code":50001,"message":"x"}')
    else if (mood === 'rude') incoming.socket.destroy()
    else if (mood !== 'silent') {
      outgoing.writeHead(mood.page, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>')
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  unsteady.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  return unsteady
}

function forward(target: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method = 'GET', headers, url = '/' } = incoming
  const through = request(`${target}${url}`, { method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(outgoing)
  })
  through.on('error', () => outgoing.destroy())
  incoming.pipe(through)
}
