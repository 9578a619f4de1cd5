/** OPERATIONS.md names every code and metric, and none that does not exist. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { options } from '../../src/config/options.js'
import { exitCode } from '../../src/errors.js'
import { createArchiveMetrics } from '../../src/monitoring/archive-metrics.js'
import { createMetrics } from '../../src/monitoring/metrics.js'
import { ScoreBoard } from '../../src/monitoring/score-board.js'
import { problems } from '../../src/serving/problems.js'
import { engineStatus } from '../serving/made-up.js'

const page = readFileSync('docs/OPERATIONS.md', 'utf8')

/** Literals of the source that look like our codes and are other people's. */
const foreign = new Set([
  'AVRO',
  'ERR_HTTP_REQUEST_TIMEOUT',
  'GROUP_AUTHORIZATION_FAILED',
  'HPE_HEADER_OVERFLOW',
  'LEVEL_DATABASE_NOT_OPEN',
  'LEVEL_LOCKED',
  'TOPIC_AUTHORIZATION_FAILED',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'USER_INFO',
])

function sourceTexts(folder = 'src'): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.gen.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
}

function found(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1])
}

/**
 * A code is a literal in capitals with an underscore; one of a single word is told by where it
 * stands: in a `code`, in a failure's constructor, in the sentence on stderr.
 */
const patterns = [
  /'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g,
  /\b(?:TidemarkError|Problem|Error)\(\s*'([A-Z][A-Z_]+)'/g,
  /\bcode: '([A-Z][A-Z_]+)'/g,
  /tidemark: ([A-Z][A-Z_]+):/g,
  /\?\? '([A-Z][A-Z_]+)'/g,
]

const sources = sourceTexts()
const codes = new Set([
  ...sources.flatMap((text) => patterns.flatMap((pattern) => found(text, pattern))),
  ...Object.keys(problems),
])
for (const name of foreign) codes.delete(name)

/** Of the configuration; `configuration.test.ts` looks at them. */
const variables = new Set(options.flatMap(({ variable }) => [variable, `${variable}_FILE`]))

/** What the page has in backticks. */
const quoted = new Set(found(page, /`([^`\n]+)`/g))
/** Of these, what is written like a code; single words only where the source has them so. */
const named = [...quoted].filter((name) => /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(name))
/** Words in capitals that are no codes: parts of a command line, an environment variable, a file. */
const words = new Set(['BACKWARD_TRANSITIVE', 'NODE_EXTRA_CA_CERTS', 'REASON', 'TMPDIR'])

describe('OPERATIONS.md', () => {
  test('the source has codes, so the search for them works', () => {
    expect(codes.size).toBeGreaterThan(120)
    for (const code of ['DISK_FULL', 'STOPPED', 'UNEXPECTED', 'USAGE', 'INTERNAL', 'STARTING']) {
      expect(codes).toContain(code)
    }
  })

  test('names every code of the source', () => {
    expect([...codes].filter((code) => !quoted.has(code)).sort()).toEqual([])
  })

  test('names no code that the source does not have', () => {
    const known = (name: string) => codes.has(name) || words.has(name) || variables.has(name)
    const unknown = named.filter((name) => !known(name))
    expect(unknown.sort()).toEqual([])
  })

  test('has the status of every HTTP problem and every exit code', () => {
    for (const [code, [status]] of Object.entries(problems)) {
      expect(page).toContain(`\`${code}\` (${status})`)
    }
    for (const exit of Object.values(exitCode)) {
      expect(page).toMatch(new RegExp(`^\\| ${exit} +\\|`, 'm'))
    }
  })

  test('names every metric, and no other', async () => {
    const metrics = createMetrics({ status: () => engineStatus() }, new ScoreBoard(), {
      snapshots: () => ({ failure: null, waitingRows: 0, waitingBytes: 0, behind: [] }),
      registry: () => ({ failure: null, schemas: 0 }),
      group: () => ({ rebalances: 0, lost: 0 }),
    })
    const archive = createArchiveMetrics(() => [])
    const texts = [await metrics.render(), await archive.render()].join('\n')
    const all = [...new Set(found(texts, /^# HELP (\S+)/gm))]
    const families = ['tidemark_process_', 'tidemark_nodejs_']
    const ours = all.filter((name) => !families.some((family) => name.startsWith(family)))
    expect(ours.length).toBeGreaterThan(15)
    const told = found(page, /`(tidemark_[a-z_]+)(?:\{[a-z,]+\})?`/g)
    expect([...new Set(told)].sort()).toEqual(ours.sort())
    for (const family of families) {
      expect(page).toContain(`\`${family}*\``)
      expect(all.some((name) => name.startsWith(family))).toBe(true)
    }
  })
})
