/** Wrong flags, and flags that are right and ask for what cannot be. */
import { cpSync, readdirSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { expect, onTestFinished } from 'vitest'
import type { CommandLine } from './command-line.js'
import { once, type Place } from './place.js'

type Args = readonly string[]
const usage = (given: string, args: Args, code: string, ...says: string[]): CommandLine => ({
  row: 'B26',
  given,
  args: () => args,
  exit: 2,
  code,
  says: ['usage: tidemark', ...says],
  inProcess: true,
})

export const badFlags: readonly CommandLine[] = [
  {
    ...usage('an unknown flag', ['start', '--genrate', '5'], 'FLAG_UNKNOWN', 'genrate', 'generate'),
    inProcess: false,
  },
  usage('an unknown command', ['strat'], 'COMMAND_UNKNOWN', 'strat'),
  usage('an argument too many', ['start', 'churn'], 'ARGUMENT_UNEXPECTED'),
  usage('a flag without its value', ['start', '--port'], 'FLAG_VALUE_MISSING', '--port'),
  usage('a port that is no number', ['start', '--port', 'http'], 'FLAG_INVALID', '0 to 65535'),
  usage('a port out of range', ['start', '--port', '65536'], 'FLAG_INVALID', '0 to 65535'),
  usage('a rate of 0', ['start', '--generate', '0'], 'FLAG_INVALID', 'above 0'),
  usage('a rate with an exponent', ['start', '--generate', '1e3'], 'FLAG_INVALID'),
  usage('a speed without its x', ['start', '--speed', '10'], 'FLAG_INVALID', '1000x'),
  usage('an empty directory', ['start', '--data', ''], 'FLAG_INVALID', 'must not be empty'),
  usage('a log format that is none', ['start', '--log-format', 'xml'], 'FLAG_INVALID', 'human'),
  usage('--from without --sql', ['start', '--from', 'a.csv'], 'FLAG_MISSING', '--sql'),
  usage('--sql without --from', ['start', '--sql', 'q.sql'], 'FLAG_MISSING', '--from'),
  usage('--speed without a source', ['start', '--speed', '2x'], 'FLAG_MISSING'),
  usage(
    '--generate beside --from',
    ['start', '--generate', '5', '--from', 'a', '--sql', 'q'],
    'FLAGS_EXCLUSIVE',
    '--generate',
    '--from',
  ),
  usage(
    '--generate at --speed max',
    ['start', '--generate', '5', '--speed', 'max'],
    'FLAGS_EXCLUSIVE',
  ),
  usage(
    '--seed beside --from',
    ['start', '--from', 'a', '--sql', 'q', '--seed', '1'],
    'FLAGS_EXCLUSIVE',
  ),
  usage('ingest without --from', ['ingest', '--sql', 'q.sql'], 'FLAG_MISSING', '--from'),
  usage(
    'no partitions',
    ['ingest', '--from', 'a', '--sql', 'q', '--partitions', '0'],
    'FLAG_INVALID',
    '1 to 1024',
  ),
  usage('replay without --out', ['replay', '--cutoffs', '2026-01-02'], 'FLAG_MISSING', '--out'),
  usage('replay of nothing', ['replay', '--out', 't.parquet'], 'FLAG_MISSING', '--cutoffs'),
  usage(
    'replay of cut-offs and rows',
    ['replay', '--out', 't.parquet', '--cutoffs', '2026-01-02', '--rows', 'r.csv'],
    'FLAGS_EXCLUSIVE',
  ),
  usage('a sample of 101 percent', ['verify', '--sample', '101'], 'FLAG_INVALID', '100'),
]

const configuration = (
  given: string,
  args: (place: Place) => Args,
  code: string,
  ...says: string[]
): CommandLine => ({ row: 'flags', given, args, exit: 78, code, says })

export const impossibleFlags: readonly CommandLine[] = [
  configuration(
    'an app that is nowhere',
    (place) => ['start', '--app', 'nowhere', '--data', place.path('new'), ...once],
    'APP_NOT_FOUND',
    'nowhere',
  ),
  configuration(
    'an app folder without its files',
    (place) => ['start', '--app', place.folder, '--data', place.path('new'), ...once],
    'APP_INVALID',
    'features.ts',
  ),
  configuration(
    'made-up events of another app than churn',
    (place) => [
      'start',
      '--app',
      place.shared.tiny,
      '--data',
      place.path('new'),
      '--generate',
      '5',
    ],
    'GENERATE_ELSEWHERE',
  ),
  configuration(
    'made-up events in a log of files',
    (place) => ['start', '--data', place.data(), '--generate', '5'],
    'GENERATE_ELSEWHERE',
  ),
  configuration(
    'another number of partitions',
    (place) => {
      const { csv, sql } = place.shared
      return ['ingest', '--data', place.data(), '--from', csv, '--sql', sql, '--partitions', '4']
    },
    'PARTITIONS_MISMATCH',
    '1 partitions for ever',
  ),
  configuration(
    'a pace for a log that has no clock',
    (place) => {
      const { csv, sql } = place.shared
      const files = ['--from', csv, '--sql', sql, '--speed', '10x']
      return ['start', '--data', place.data(), ...files, ...once]
    },
    'TIME_BASE',
  ),
  configuration(
    'the same files twice',
    (place) => {
      const { csv, sql } = place.shared
      return ['ingest', '--data', place.data(), '--from', csv, '--sql', sql]
    },
    'INGEST_DONE',
    'already loaded',
  ),
  ...['verify', 'replay --cutoffs 2026-01-02 --out t.parquet'].map((command) =>
    configuration(
      `${command.slice(0, 6)} where there is no data`,
      (place) => [...command.split(' '), '--data', place.path('new')],
      'DATA_MISSING',
      'tidemark start',
    ),
  ),
  {
    row: 'flags',
    given: 'a port that somebody has',
    args: async (place) => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => void server.close())
      const { port } = server.address() as AddressInfo
      return ['start', '--data', place.data(), '--port', String(port), '--exit-when-done']
    },
    exit: 74,
    code: 'PORT_IN_USE',
    says: ['--port 0'],
  },
]

export const badDirectories: readonly CommandLine[] = [
  {
    row: 'B25',
    given: 'a data directory that cannot be made',
    args: (place) => ['start', '--data', `${place.write('file', '')}/data`, ...once],
    exit: 74,
    code: 'DATA_NOT_WRITABLE',
    says: ['ENOTDIR'],
  },
  {
    row: 'B25',
    given: 'a place where the kernel makes the names',
    args: () => ['start', '--data', '/proc/nowhere/data', ...once],
    exit: 74,
    code: 'DATA_NOT_WRITABLE',
    says: ['ENOENT'],
    skipped: process.platform === 'linux' ? null : 'only Linux has /proc',
  },
  {
    row: 'B25',
    given: 'a directory that is not for this user to write',
    args: (place) => ['start', '--data', place.data(), ...once],
    exit: 74,
    code: 'DATA_NOT_WRITABLE',
    says: ['EACCES'],
    uid: 65_534,
    skipped: process.getuid?.() === 0 ? null : 'only root can run as somebody else',
  },
  {
    row: 'B25',
    given: 'the data of another app',
    args: (place) => ['start', '--data', place.data(), '--app', place.shared.tiny, ...once],
    exit: 78,
    code: 'APP_MISMATCH',
    says: ['is of app churn, not of tiny'],
  },
  {
    row: 'B25',
    given: 'somebody’s folder',
    args: (place) => {
      place.write('thesis.txt', 'chapter one')
      return ['start', '--data', place.folder, ...once]
    },
    exit: 78,
    code: 'DATA_FOREIGN',
    says: ['thesis.txt'],
    after: (place) => expect(readdirSync(place.folder)).toEqual(['thesis.txt']),
  },
  {
    row: 'B25',
    given: 'a directory whose app.json is no JSON',
    args: (place) => {
      place.data()
      place.write('data/app.json', '{"app": "chu')
      return ['start', '--data', place.data(), ...once]
    },
    exit: 74,
    code: 'DATA_DAMAGED',
    says: ['app.json'],
    after: (place) => cpSync(`${place.shared.data}/app.json`, place.path('data/app.json')),
  },
]
