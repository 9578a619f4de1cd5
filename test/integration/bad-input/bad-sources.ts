/** Files and queries that make no events, declarations that make no app, outputs nobody can write. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { canMount, smallDisk } from '../../support/small-disk.js'
import { runBinary } from '../../support/binary.js'
import { tinyFeatures, writeTinyApp } from '../../support/tiny-app.js'
import type { CommandLine } from './command-line.js'
import { once, type Place } from './place.js'

const files = (place: Place, csv: string, sql: string) => [
  'start',
  '--data',
  place.path('new'),
  '--from',
  csv,
  '--sql',
  sql,
  ...once,
]

const query = (given: string, sql: string, code: string, ...says: string[]): CommandLine => ({
  row: 'source',
  given,
  args: (place) => files(place, place.shared.csv, place.write('q.sql', sql)),
  exit: 78,
  code,
  says,
})

export const badSources: readonly CommandLine[] = [
  {
    row: 'source',
    given: 'a file that is missing',
    args: (place) => files(place, place.path('gone.csv'), place.shared.sql),
    exit: 74,
    code: 'FILE_MISSING',
    says: ['gone.csv', 'no such file'],
    // Nothing was made for it, so the right name is a first start.
    after: (place) => expect(readdirSync(place.folder)).toEqual([]),
  },
  {
    row: 'source',
    given: 'a query file that is missing',
    args: (place) => files(place, place.shared.csv, place.path('gone.sql')),
    exit: 74,
    code: 'FILE_MISSING',
    says: ['gone.sql'],
  },
  {
    row: 'source',
    given: 'a missing file beside data',
    args: (place) => {
      const { sql } = place.shared
      return ['ingest', '--data', place.data(), '--from', place.path('gone.csv'), '--sql', sql]
    },
    exit: 74,
    code: 'FILE_MISSING',
  },
  query(
    'a query that returns other columns',
    'SELECT 1 AS one FROM read_csv(${files})',
    'QUERY_COLUMNS',
    'event_id is missing',
    'it returns one INTEGER',
  ),
  {
    ...query(
      'times as text, in a zone that nobody knows',
      `SELECT event_id, customer_id, 'session' AS type, '2026-01-01 10:00 XST' AS occurred_at
      FROM read_csv(\${files})`,
      'QUERY_COLUMNS',
      'occurred_at is VARCHAR, due is TIMESTAMP',
    ),
    row: 'B8',
  },
  query(
    'a misspelt column of the type',
    `SELECT event_id, customer_id, 'payment' AS type, occurred_at::TIMESTAMP AS occurred_at,
      seconds::DOUBLE AS amonut, 'paid' AS status, 'card' AS method FROM read_csv(\${files})`,
    'QUERY_COLUMNS',
    'payment lacks amount (did you mean amonut?)',
  ),
  query('SQL that is none', 'SELEKT * FROM read_csv(${files})', 'QUERY_FAILED', 'SELEKT'),
  query('SQL that names no files', 'SELECT 1', 'QUERY_FILES', '${files}'),
  query(
    'SQL over a column that is not there',
    'SELECT nobody FROM read_csv(${files})',
    'QUERY_FAILED',
    'nobody',
  ),
]

const declared = (
  given: string,
  features: string,
  code: string,
  ...says: string[]
): CommandLine => ({
  row: 'B19',
  given,
  args: (place) => {
    const app = writeTinyApp(place.path('app'), features)
    return ['start', '--app', app, '--data', place.path('new'), ...once]
  },
  exit: 78,
  code,
  says,
  inProcess: true,
  after: (place) => expect(readdirSync(place.folder)).toEqual(['app']),
})

export const badDeclarations: readonly CommandLine[] = [
  declared('a feature of a missing field', 'x: sum(on.visit.amuont)', 'FIELD_UNKNOWN', 'amuont'),
  declared('a feature of a missing event', 'x: count(on.visti)', 'EVENT_UNKNOWN', 'visti'),
  declared(
    'a feature of a missing feature',
    "x: ratio(count(on.visit).over('7d'), undefined)",
    'APP_INVALID',
    'does not load',
  ),
  declared(
    'a name twice',
    "a: count(on.visit).over('7d'), A: count(on.visit).over('8d')",
    'FEATURES_INVALID',
    'feature A is declared twice',
  ),
  declared('a window of nothing', "x: count(on.visit).over('0d')", 'WINDOW_INVALID', 'above 0'),
  declared('a duration that is none', "x: count(on.visit).over('7 days')", 'DURATION_INVALID'),
  {
    ...declared(
      'a feature that contains itself',
      tinyFeatures,
      'FEATURES_INVALID',
      'it contains itself: ratio → ratio',
    ),
    inProcess: false,
    args: (place) => {
      const text = "visits: count(on.visit).over('7d'), x: ratio(on.visit.amount, on.visit.amount)"
      const app = writeTinyApp(
        place.path('app'),
        text.replaceAll('on.visit.amount', "count(on.visit).over('8d')"),
      )
      const path = 'app/features.mjs'
      place.write(
        path,
        `${readFileSync(place.path(path), 'utf8')}
const { expression } = featureSet.spec.features[1]
expression.numerator = expression\n`,
      )
      return ['start', '--app', app, '--data', place.path('new'), ...once]
    },
  },
  {
    row: 'B20',
    given: 'a changed declaration over old state',
    args: async (place) => {
      const { csv, tinySql } = place.shared
      const app = writeTinyApp(place.path('app'))
      const start = ['start', '--app', app, '--data', place.path('new'), ...once]
      const first = await runBinary([...start, '--from', csv, '--sql', tinySql])
      expect(first).toMatchObject({ exit: 0 })
      const changed = readFileSync(place.path('app/features.mjs'), 'utf8').replace("'7d'", "'14d'")
      place.write('app/features.mjs', changed)
      return start
    },
    exit: 78,
    code: 'APP_HASH_MISMATCH',
    says: [
      'or load the events into another --data',
      'visits.expression.window.lengthMs: 604800000 → 1209600000',
    ],
    after: async (place) => {
      const changed = readFileSync(place.path('app/features.mjs'), 'utf8').replace("'14d'", "'7d'")
      place.write('app/features.mjs', changed)
      const again = await runBinary(['start', '--data', place.path('new'), ...once])
      expect(again).toMatchObject({ exit: 0 })
      expect(again.stdout).toContain('3 records and 0 scores')
    },
  },
]

const replay = (place: Place, ...args: string[]) => [
  'replay',
  '--data',
  place.data(),
  '--out',
  place.path('out.parquet'),
  ...args,
]

const cutoffs = (
  given: string,
  span: string,
  exit: number,
  code: string,
  ...says: string[]
): CommandLine => ({
  row: 'B27',
  given,
  args: (place) => replay(place, '--cutoffs', span),
  exit,
  code,
  says,
  inProcess: exit === 2,
  after: (place) => expect(readdirSync(place.folder)).toEqual(['data']),
})

const available = 'the log has 2026-01-01T10:00:00.000Z to 2026-01-02T10:00:00.001Z'

export const badReplays: readonly CommandLine[] = [
  cutoffs('FROM after TO', '2026-01-02..2026-01-01/1d', 2, 'CUTOFFS_INVALID', 'FROM is after TO'),
  cutoffs('a day that does not exist', '2026-02-30', 2, 'CUTOFFS_INVALID', '2026-02-30'),
  cutoffs('a step of nothing', '2026-01-01..2026-01-02/0d', 2, 'CUTOFFS_INVALID'),
  cutoffs('the future', '2027-01-01', 78, 'CUTOFFS_RANGE', 'in the future', available),
  cutoffs('before the log begins', '2025-01-01..2026-01-02/1d', 78, 'CUTOFFS_RANGE', available),
  {
    ...cutoffs('end offsets behind the log', '', 78, 'UNTIL_INVALID'),
    args: (place) => replay(place, '--cutoffs', '2026-01-02', '--until', '4'),
  },
  {
    ...cutoffs('a rows file that is missing', '', 74, 'FILE_MISSING', 'gone.csv'),
    args: (place) => replay(place, '--rows', place.path('gone.csv')),
  },
  {
    ...cutoffs('a rows file without as_of', '', 78, 'ROWS_INVALID', 'as_of is missing'),
    args: (place) => replay(place, '--rows', place.write('rows.csv', 'customer_id\nshort\n')),
    after: (place) => expect(readdirSync(place.folder)).toEqual(['data', 'rows.csv']),
  },
  {
    row: 'B28',
    given: 'an output that is there already',
    args: (place) => {
      place.write('out.parquet', 'mine')
      return replay(place, '--cutoffs', '2026-01-02')
    },
    exit: 74,
    code: 'OUTPUT_EXISTS',
    after: (place) => expect(readFileSync(place.path('out.parquet'), 'utf8')).toBe('mine'),
  },
  {
    row: 'B28',
    given: 'an output in a folder that is not there',
    args: (place) =>
      replay(place, '--cutoffs', '2026-01-02', '--out', place.path('no/out.parquet')),
    exit: 74,
    code: 'OUTPUT_UNWRITABLE',
    says: ['there is no folder'],
  },
  {
    row: 'B28',
    given: 'an output on a full disk',
    args: async (place) => {
      const disk = await smallDisk(1)
      place.write('where', disk.folder)
      await disk.fill(0)
      return replay(place, '--cutoffs', '2026-01-02', '--out', `${disk.folder}/out.parquet`)
    },
    exit: 74,
    code: 'OUTPUT_UNWRITABLE',
    says: ['No space left'],
    after: (place) => {
      const folder = readFileSync(place.path('where'), 'utf8')
      expect(readdirSync(folder)).toEqual(['filler'])
    },
    skipped: canMount ? null : 'a small disk is a tmpfs, which this user must not mount',
  },
]
