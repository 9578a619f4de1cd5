/**
 * What a configuration file may say. Names, kinds and environment variables of all options are read
 * out of this one declaration (`options.ts`), and so are the checks.
 */
import { z } from 'zod'
import { maskedUrl, Secret } from './secret.js'

/** What an option is, beyond its type: how it is shown, and whether a file is behind it. */
export interface OptionMeta {
  /** Masked wherever it is shown; of an address only the password is. */
  readonly secret?: 'whole' | 'url'
  /** `folder`: a path, relative to the configuration's folder; `text`: the text of a file there. */
  readonly file?: 'folder' | 'text'
}

const due = (what: string) => ({ error: `${what} is due` })

function whole(min: number, max: number) {
  const text = due(`a whole number from ${min} to ${max}`)
  return z.number(text).int(text).min(min, text).max(max, text)
}

const text = (what: string) => z.string(due(what)).min(1, due(what))

const meta = <T extends z.ZodType>(type: T, facts: OptionMeta): T => type.meta({ ...facts })

const secret = (what: string) =>
  meta(text(what), { secret: 'whole' }).transform((value) => new Secret(value))

/** PEM is checked by whoever connects; here it only has to be a file that can be read. */
const pem = (what: string) => meta(text(`the path of ${what}`), { file: 'text' })

const pemSecret = (what: string) =>
  meta(text(`the path of ${what}`), { file: 'text', secret: 'whole' }).transform(
    (value) => new Secret(value),
  )

const host = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)$/

function isPlace(value: string): boolean {
  const colon = value.lastIndexOf(':')
  const port = value.slice(colon + 1)
  return host.test(value.slice(0, colon)) && /^\d{1,5}$/.test(port) && +port >= 1 && +port <= 65535
}

const place = z.string(due('host:port')).refine(isPlace, due('host:port'))
const places = z.array(place, due('a list of host:port')).min(1, due('one host:port or more'))

const name = (what: string) =>
  z.string(due(what)).regex(/^[A-Za-z0-9._-]+$/, {
    error: `${what} of letters, digits, dot, dash and underscore is due`,
  })

function url(protocols: readonly string[]) {
  const what = `an address that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`
  return z.string(due(what)).refine((value) => {
    try {
      return protocols.includes(new URL(value).protocol)
    } catch {
      return false
    }
  }, due(what))
}

const tls = z.strictObject({
  ca: pem('the authorities that are trusted (PEM)').optional(),
  cert: pem('the certificate of this client (PEM)').optional(),
  key: pemSecret('the key of this client (PEM)').optional(),
})

const sasl = z.discriminatedUnion(
  'mechanism',
  [
    z.strictObject({
      mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
      username: text('a user'),
      password: secret('a password'),
    }),
    z.strictObject({
      mechanism: z.literal('oauthbearer'),
      tokenUrl: url(['https:', 'http:']),
      clientId: text('a client id'),
      clientSecret: secret('a client secret'),
      scope: text('a scope').optional(),
    }),
  ],
  due('one of the mechanisms plain, scram-sha-256, scram-sha-512 and oauthbearer'),
)

const kafka = z.strictObject({
  brokers: places,
  clientId: name('a name').default('tidemark'),
  /** Of the consumer group; null: `tidemark-<app>`. */
  groupId: name('a name').nullable().default(null),
  /** Before the names of all topics and transactional ids. */
  topicPrefix: z
    .string(due('a text'))
    .regex(/^[A-Za-z0-9._-]*$/, due('a text of letters, digits, dot, dash and underscore'))
    .default(''),
  ssl: z.union([z.boolean(), tls]).default(false),
  sasl: sasl.nullable().default(null),
  /** What now means: `none` for historic logs, where nothing is ever due by the wall clock. */
  timeBase: z.enum(['wall', 'none'], due('wall or none')).default('wall'),
  delivery: z
    .enum(['exactlyOnce', 'atLeastOnce'], due('exactlyOnce or atLeastOnce'))
    .default('exactlyOnce'),
  /** What to do where the brokers have deleted input that was not read yet. */
  lostRange: z.enum(['fail', 'earliest'], due('fail or earliest')).default('fail'),
  sessionMs: whole(1_000, 1_800_000).default(10_000),
  heartbeatMs: whole(100, 600_000).default(1_000),
  /** Members beside the one that runs a partition which keep a copy of its state. */
  standbyReplicas: whole(0, 8).default(0),
  transactionMs: whole(1_000, 900_000).default(10_000),
})

const redis = z.strictObject({
  /** `redis://` or `rediss://`; one of it, `cluster` and `sentinels`. */
  url: meta(url(['redis:', 'rediss:']), { secret: 'url' })
    .transform((value) => new Secret(value, maskedUrl(value)))
    .optional(),
  cluster: places.optional(),
  sentinels: places.optional(),
  /** Of the master that the sentinels watch. */
  sentinelMaster: text('a name').optional(),
  sentinelPassword: secret('a password').optional(),
  username: text('a user').optional(),
  password: secret('a password').optional(),
  tls: z.boolean(due('true or false')).default(false),
  /** Before the names of all keys. */
  keyPrefix: name('a name').optional(),
})

const auth = z.strictObject({
  username: text('a user').optional(),
  password: secret('a password').optional(),
  token: secret('a token').optional(),
})

const schemaRegistry = z.strictObject({
  url: url(['http:', 'https:']),
  auth: auth.optional(),
  /** PEM of the authorities that are trusted, for https. */
  ca: pem('the authorities that are trusted (PEM)').optional(),
})

const http = z.strictObject({
  host: text('a name or an address').default('127.0.0.1'),
  port: whole(0, 65_535).default(8080),
})

const mebibyte = 1024 * 1024

const limits = z.strictObject({
  commitRecordsMax: whole(1, 1_000_000).default(10_000),
  commitBytesMax: whole(65_536, 256 * mebibyte).default(16 * mebibyte),
  commitAgeMsMax: whole(1, 60_000).default(100),
  timersPerCommitMax: whole(1, 1_000_000).default(2_000),
  /** Memory for hot customers, of all partitions of the process together. */
  hotBytesMax: whole(mebibyte, 64 * 1024 * mebibyte).default(128 * mebibyte),
  /** Rows that wait for a Redis that is away. */
  redisWaitingBytesMax: whole(mebibyte, 4096 * mebibyte).default(32 * mebibyte),
})

const archive = z.strictObject({
  /** Where the input is kept beyond the brokers' retention: all who read it see the same folder. */
  directory: meta(text('a directory'), { file: 'folder' }),
  /** A segment is finished at this size, of its file… */
  segmentBytes: whole(65_536, 256 * mebibyte).default(64 * mebibyte),
  /** …or this age. */
  segmentMs: whole(1_000, 2_592_000_000).default(21_600_000),
})

export const configSchema = z.strictObject({
  /** The built-in app's name, or an app's folder. */
  app: text('an app').default('churn'),
  data: meta(text('a directory'), { file: 'folder' }),
  kafka,
  redis: redis.nullable().default(null),
  schemaRegistry: schemaRegistry.nullable().default(null),
  archive: archive.nullable().default(null),
  http: http.prefault({}),
  limits: limits.prefault({}),
})

export type Config = z.infer<typeof configSchema>
