/** The built `tidemark` binary as a child process, as a person or a script runs it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { withUs } from './with-us.js'

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url))

export interface BinaryEnd {
  readonly exit: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface BinaryOptions {
  readonly cwd?: string
  /** Over this process's own environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Run as this user, where we are root. */
  readonly uid?: number
  /** A command that becomes the binary's, which is appended to it. */
  readonly by?: readonly string[]
}

/** A process that is running; `npm run build` has made what it runs. */
export class Binary {
  stdout = ''
  stderr = ''
  readonly ended: Promise<BinaryEnd>
  private readonly child: ChildProcess

  constructor(args: readonly string[], { cwd, env, uid, by = [] }: BinaryOptions = {}) {
    if (!existsSync(main)) throw new Error('there is no dist/src/main.js: npm run build makes it')
    const merged = { ...process.env, ...env }
    const options = { cwd, env: merged, ...(uid === undefined ? {} : { uid, gid: uid }) }
    const [command, ...rest] = [...by, process.execPath, main, ...args]
    this.child = withUs(spawn(command, rest, { ...options, stdio: 'pipe' }))
    this.child.stdout!.on('data', (bytes: Buffer) => (this.stdout += bytes.toString()))
    this.child.stderr!.on('data', (bytes: Buffer) => (this.stderr += bytes.toString()))
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject)
      this.child.on('close', (exit, signal) =>
        resolve({ exit, signal, stdout: this.stdout, stderr: this.stderr }),
      )
    })
  }

  /** Resolves with what `find` finds on standard output; rejects where the process ends before. */
  async until<T>(find: (stdout: string) => T | null): Promise<T> {
    for (;;) {
      const found = find(this.stdout)
      if (found !== null) return found
      const end = await Promise.race([
        this.ended,
        new Promise((r) => this.child.stdout!.once('data', r)),
      ])
      if (typeof end === 'object' && end !== null && 'exit' in end && find(this.stdout) === null) {
        throw new Error(`the process ended before: ${this.stderr}`)
      }
    }
  }

  /** The address of the page of a `start --json`. */
  serving(): Promise<string> {
    return this.until((stdout) => /"url":"([^"]+)"/.exec(stdout)?.[1] ?? null)
  }

  get pid(): number {
    return this.child.pid!
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }
}

/** Runs the binary to its end. */
export function runBinary(
  args: readonly string[],
  options: BinaryOptions = {},
): Promise<BinaryEnd> {
  return new Binary(args, options).ended
}
