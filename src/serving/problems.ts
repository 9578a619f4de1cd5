/**
 * Errors over HTTP as RFC 9457 problem details. `code` is stable, one for each thing that a caller
 * can do about it; the text may change.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'

export const problems = {
  URL_INVALID: [400, 'The address is malformed'],
  CUSTOMER_ID_INVALID: [400, 'The customer id cannot be one'],
  LIMIT_INVALID: [400, 'The limit cannot be one'],
  RISK_INVALID: [400, 'The risk cannot be one'],
  ORDER_INVALID: [400, 'The order cannot be one'],
  REQUEST_INVALID: [400, 'The request is malformed'],
  CUSTOMER_NOT_FOUND: [404, 'No such customer'],
  ROUTE_NOT_FOUND: [404, 'No such address'],
  METHOD_NOT_ALLOWED: [405, 'The address does not take this method'],
  NOT_ACCEPTABLE: [406, 'None of the accepted media types is available'],
  REQUEST_TIMEOUT: [408, 'The request took too long to arrive'],
  URL_TOO_LONG: [414, 'The address is too long'],
  CUSTOMER_ELSEWHERE: [421, 'Another process has the customer'],
  HOST_REFUSED: [421, 'Not under this name'],
  HEADERS_TOO_LARGE: [431, 'The request headers are too large'],
  INTERNAL: [500, 'The server made a mistake'],
  NOT_READY: [503, 'The engine is not ready'],
  SNAPSHOTS_UNAVAILABLE: [503, 'The snapshots cannot be read now'],
  TOO_MANY_HISTORIES: [503, 'Too many ask for histories'],
  TOO_MANY_STREAMS: [503, 'Too many pages are open'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemCode = keyof typeof problems

/** Thrown by a route, turned into the answer by the server's error handler. */
export class Problem extends Error {
  readonly code: ProblemCode
  /** Members beside the standard ones. */
  readonly extra: Readonly<Record<string, unknown>>

  constructor(code: ProblemCode, detail: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(detail)
    this.name = 'Problem'
    this.code = code
    this.extra = extra
  }
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** The members of a problem as the answer carries them. */
export function problemBody(
  problem: Problem,
  instance: string,
  requestId: string,
): Record<string, unknown> {
  const [status, title] = problems[problem.code]
  return {
    type: `urn:tidemark:problem:${problem.code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    detail: problem.message,
    instance,
    code: problem.code,
    requestId,
    ...problem.extra,
  }
}

export function sendProblem(
  reply: FastifyReply,
  request: FastifyRequest,
  problem: Problem,
): FastifyReply {
  const [status] = problems[problem.code]
  if (status === 503) reply.header('retry-after', '1')
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problemBody(problem, request.url, request.id)))
}
