/** The way to a server, step by step: its name, its port, its certificate. */
import { lookup } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'

/** What a step found out: it went well, or it did not and the later ones need not be tried. */
export interface StepOutcome {
  readonly step: Step
  readonly ok: boolean
  readonly text: string
}

export type Step = 'dns' | 'tcp' | 'tls'

export interface Endpoint {
  readonly host: string
  readonly port: number
  /** Whether TLS is spoken, and how; false: it is not. */
  readonly tls: ConnectionOptions | false
}

/** Longest time for one step, in ms. */
const stepMsMax = 5_000

/** The steps up to the first that fails. */
export async function probeEndpoint({ host, port, tls }: Endpoint): Promise<StepOutcome[]> {
  const dns = await probeName(host)
  if (!dns.ok) return [dns]
  const tcp = await probePort(host, port)
  if (!tcp.ok || tls === false) return [dns, tcp]
  return [dns, tcp, await probeTls(host, port, tls)]
}

async function probeName(host: string): Promise<StepOutcome> {
  try {
    const addresses = await lookup(host, { all: true })
    const names = addresses.map(({ address }) => address).join(', ')
    return { step: 'dns', ok: true, text: `${host} is ${names}` }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { step: 'dns', ok: false, text: `${host} has no address here (${code})` }
  }
}

async function probePort(host: string, port: number): Promise<StepOutcome> {
  const socket = connect({ host, port, autoSelectFamily: true })
  const fault = await connected(socket, 'connect')
  socket.destroy()
  const text = fault === null ? `${host}:${port} accepts connections` : `${host}:${port}: ${fault}`
  return { step: 'tcp', ok: fault === null, text }
}

async function probeTls(host: string, port: number, tls: ConnectionOptions): Promise<StepOutcome> {
  const socket = connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...tls })
  const fault = await connected(socket, 'secureConnect')
  const protocol = socket.getProtocol()
  socket.destroy()
  if (fault === null) return { step: 'tls', ok: true, text: `${protocol} with ${host}:${port}` }
  return { step: 'tls', ok: false, text: `${host}:${port}: ${fault}${tlsAdvice(fault)}` }
}

/** Null where the event came; else why not. */
function connected(socket: Socket, event: string): Promise<string | null> {
  return new Promise((resolve) => {
    socket.setTimeout(stepMsMax, () => resolve(`no answer within ${stepMsMax / 1000} s`))
    socket.once(event, () => resolve(null))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(reasonOf(error)))
    socket.once('close', () => resolve('the connection was closed'))
  })
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'nothing listens there (ECONNREFUSED)'
  return error.code === undefined ? error.message : `${error.message} (${error.code})`
}

function tlsAdvice(fault: string): string {
  if (/SELF_SIGNED|UNABLE_TO|DEPTH_ZERO/.test(fault)) return '; name its authority in ca'
  if (/ERR_TLS_CERT_ALTNAME_INVALID/.test(fault)) return '; the certificate is of another name'
  if (/CERT_HAS_EXPIRED/.test(fault)) return '; renew the certificate'
  if (/EPROTO|wrong version|closed|ECONNRESET/i.test(fault)) return '; does it speak TLS at all?'
  return ''
}
