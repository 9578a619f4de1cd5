/** Child processes that may be killed at a failpoint, or at any time. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { bundledChild } from './bundled-child.js'

export interface ChildEnd {
  /** Lines of its standard output. */
  readonly lines: string[]
  /** SIGKILL, or null where it ended by itself. */
  readonly signal: NodeJS.Signals | null
}

/** The end of a process that may fail as it likes. */
export interface NodeEnd extends ChildEnd {
  readonly exitCode: number | null
  readonly errors: string
}

export interface ChildOptions {
  /** `name:kill:nth`, see `src/failpoint.ts`. */
  readonly failpoint?: string
  /** Sends SIGKILL this long after the first line of output. */
  readonly killAfterMs?: number
  /** Sends SIGKILL this long after the start, output or not. */
  readonly killAfterStartMs?: number
  /** Sends SIGTERM this long after the first line of output. */
  readonly termAfterMs?: number
}

/**
 * Runs `script`, a path below `test/`, to its end. Rejects where it fails in another way than by
 * being killed.
 */
export async function runChild(
  script: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildEnd> {
  const path = fileURLToPath(new URL(`../${script}`, import.meta.url))
  const child = await bundledChild(path)
  const { lines, signal, exitCode, errors } = await runNode([child, ...args], options)
  if (exitCode === 0 || signal === 'SIGKILL') return { lines, signal }
  throw new Error(`${script} ended with ${exitCode ?? signal}: ${errors}`)
}

/** Runs Node with these arguments to its end, whatever that is. */
export function runNode(args: readonly string[], options: ChildOptions = {}): Promise<NodeEnd> {
  const env = { ...process.env, FAILPOINT: options.failpoint ?? '' }
  const child = spawn(process.execPath, args, { env })
  const timers: NodeJS.Timeout[] = []
  const later = (signal: NodeJS.Signals, ms: number | undefined): void => {
    if (ms !== undefined) timers.push(setTimeout(() => child.kill(signal), ms))
  }
  let output = ''
  let errors = ''
  later('SIGKILL', options.killAfterStartMs)
  child.stdout.once('data', () => {
    later('SIGKILL', options.killAfterMs)
    later('SIGTERM', options.termAfterMs)
  })
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString()))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exitCode, signal) => {
      for (const timer of timers) clearTimeout(timer)
      resolve({ lines: output.split('\n').filter(Boolean), signal, exitCode, errors })
    })
  })
}
