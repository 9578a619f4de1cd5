/**
 * Answers what Node's HTTP parser refuses before there is a request: the socket gets a problem
 * like any other caller, then it is closed.
 */
import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { Problem, problemBody, problems, PROBLEM_TYPE } from './problems.js'

export function answerParserError(error: NodeJS.ErrnoException, socket: Socket): void {
  // A connection that the other side has torn down can't be answered.
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const problem = problemOf(error.code)
  const [status] = problems[problem.code]
  const body = JSON.stringify(problemBody(problem, '', randomUUID()))
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      `content-type: ${PROBLEM_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n` +
      `connection: close\r\n\r\n${body}`,
  )
}

function problemOf(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new Problem('HEADERS_TOO_LARGE', 'address and headers together pass 16 KiB')
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new Problem('REQUEST_TIMEOUT', 'the request did not arrive within 10 s')
  }
  return new Problem('REQUEST_INVALID', 'these bytes are no HTTP request')
}
