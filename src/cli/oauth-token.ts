/** Tokens for SASL OAUTHBEARER, by the client credentials grant (RFC 6749, section 4.4). */
import { z } from 'zod'
import { configurationError, exitCode, TidemarkError } from '../errors.js'

export interface OauthClient {
  readonly tokenUrl: string
  readonly clientId: string
  /** Revealed only when it is sent. */
  readonly clientSecret: { reveal(): string }
  readonly scope?: string | undefined
}

/** A token is asked for again when so much of its life is left, in ms. */
const marginMs = 30_000
const answerMsMax = 10_000

const answerSchema = z.object({
  access_token: z.string().min(1),
  expires_in: z.number().positive().optional(),
})

/**
 * A function that answers a token that is valid for a while yet.
 *
 * The function throws `OAUTH_REFUSED` (78) where the server does not take the client, and
 * `OAUTH_UNREACHABLE` (69) where it does not answer as it should.
 */
export function oauthTokens(client: OauthClient, now: () => number = Date.now) {
  let kept: { readonly value: string; readonly untilMs: number } | null = null
  return async (): Promise<{ value: string }> => {
    if (kept !== null && now() < kept.untilMs) return { value: kept.value }
    const { access_token: value, expires_in: seconds } = await ask(client)
    kept = seconds === undefined ? null : { value, untilMs: now() + seconds * 1000 - marginMs }
    return { value }
  }
}

async function ask(client: OauthClient): Promise<z.infer<typeof answerSchema>> {
  const { tokenUrl, clientId, clientSecret, scope } = client
  const user = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret.reveal())}`
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  if (scope !== undefined) body.set('scope', scope)
  let response: Response
  try {
    response = await fetch(tokenUrl, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(user).toString('base64')}` },
      body,
      signal: AbortSignal.timeout(answerMsMax),
    })
  } catch (error) {
    const cause = (error as Error).cause ?? error
    throw unreachable(tokenUrl, cause instanceof Error ? cause.message : String(cause), error)
  }
  if (response.status === 400 || response.status === 401 || response.status === 403) {
    const text = `the token server at ${tokenUrl} refuses the client ${clientId}`
    throw configurationError('OAUTH_REFUSED', `${text} (HTTP ${response.status})`)
  }
  if (!response.ok) throw unreachable(tokenUrl, `it answers HTTP ${response.status}`, null)
  const parsed = answerSchema.safeParse(await response.json().catch(() => null))
  if (parsed.success) return parsed.data
  throw unreachable(tokenUrl, 'it answers without an access_token', null)
}

function unreachable(url: string, why: string, cause: unknown): TidemarkError {
  const options = { exit: exitCode.dependency, retry: 'later', cause } as const
  return new TidemarkError('OAUTH_UNREACHABLE', `the token server at ${url}: ${why}`, options)
}
