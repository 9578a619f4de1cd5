/** Workers as child processes that may be killed at a failpoint or by a signal. */
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { bundledChild } from './bundled-child.js'

const script = await bundledChild(fileURLToPath(new URL('kill/small-worker.ts', import.meta.url)))

export class WorkerChild {
  private readonly child: ChildProcess
  private errors = ''
  readonly started: Promise<void>
  /** The signal that ended it, or its exit code. */
  readonly ended: Promise<NodeJS.Signals | number>

  constructor(args: readonly string[], failpoint = '') {
    const env = { ...process.env, FAILPOINT: failpoint }
    const child = spawn(process.execPath, [script, ...args], { env })
    this.child = child
    child.stderr.on('data', (bytes: Buffer) => (this.errors += bytes.toString()))
    this.started = new Promise((resolve) => child.stdout.once('data', () => resolve()))
    this.ended = new Promise((resolve) => {
      child.on('close', (code, signal) => resolve(signal ?? code ?? 1))
    })
  }

  /** What it said on its standard error. */
  get notes(): string {
    return this.errors
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  /** Ends it for good, whatever it is at. */
  async end(): Promise<void> {
    if (this.isRunning) this.child.kill('SIGKILL')
    await this.ended
  }
}
