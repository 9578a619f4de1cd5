/** Log lines on stderr: for people by default, as JSON (pino's) where a collector reads them. */
import { pino } from 'pino'
import type { CliIo } from './io.js'

export type LogFormat = 'human' | 'json'

export interface Logger {
  info(text: string, facts?: Readonly<Record<string, unknown>>): void
  warn(text: string, facts?: Readonly<Record<string, unknown>>): void
  error(text: string, facts?: Readonly<Record<string, unknown>>): void
}

/** @example createLogger(io, 'human').info('restored', { partition: 0 }) // 12:03:44 restored partition=0 */
export function createLogger(io: CliIo, format: LogFormat): Logger {
  if (format === 'json') {
    const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write: io.err })
    return {
      info: (text, facts = {}) => log.info(facts, text),
      warn: (text, facts = {}) => log.warn(facts, text),
      error: (text, facts = {}) => log.error(facts, text),
    }
  }
  const line =
    (mark: string) =>
    (text: string, facts: Readonly<Record<string, unknown>> = {}) => {
      const time = new Date(io.now()).toISOString().slice(11, 19)
      // A line that rewrites itself may stand there: begin at its start and wipe the rest of it.
      const start = io.isTerminal ? '\r\x1b[K' : ''
      io.err(`${start}${time} ${mark}${text}${factsText(facts)}\n`)
    }
  return { info: line(''), warn: line('warning: '), error: line('error: ') }
}

function factsText(facts: Readonly<Record<string, unknown>>): string {
  return Object.entries(facts)
    .map(([name, value]) => ` ${name}=${value instanceof Error ? value.message : String(value)}`)
    .join('')
}
