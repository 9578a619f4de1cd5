/**
 * The commands that an example's README shows, run as they stand there: only folders and the file of
 * the data are put in, and the binary in the place of npx, which costs three seconds a time.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { blocksOf } from '../docs/markdown.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface WalkthroughPlaces {
  /** The example's README, relative to the root of the repository. */
  readonly readme: string
  /** What a text of the commands stands for. */
  readonly places: Readonly<Record<string, string>>
}

export interface RunOptions {
  /** Flags behind the command's own. */
  readonly more?: string
  /** `name:kill:nth`, see `src/failpoint.ts`. */
  readonly failpoint?: string
  /** @default 0 */
  readonly exit?: number
}

export interface Ended {
  /** Exit code; 137 where it was killed. */
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

export class Walkthrough {
  private readonly commands: readonly string[]
  private readonly left: Set<string>
  private readonly running = new Set<ChildProcess>()
  private readonly told: string[] = []

  constructor({ readme, places }: WalkthroughPlaces) {
    this.commands = blocksOf(readFileSync(`${root}${readme}`, 'utf8'))
      .filter(({ language }) => language === 'sh')
      .flatMap(({ text }) => text.trim().split('\n'))
      .map((line) =>
        Object.entries(places).reduce((at, [from, to]) => at.replaceAll(from, to), line),
      )
    this.left = new Set(this.commands)
  }

  /** Commands of the README that nobody has run. */
  get unrun(): string[] {
    return [...this.left]
  }

  /** What was told and how long each step took, in wall time. */
  get summary(): string {
    return this.told.join('\n')
  }

  /** Adds a figure to the summary. */
  tell(text: string): void {
    this.told.push(text)
  }

  /** The README's command that contains a text. */
  shown(part: string): string {
    const found = this.commands.filter((command) => command.includes(part))
    if (found.length !== 1) throw new Error(`${found.length} commands of the README have ${part}`)
    this.left.delete(found[0])
    return found[0]
  }

  /** Runs a command to the exit that is due; `what` names it in the summary. */
  async run(what: string, command: string, options: RunOptions = {}): Promise<Ended> {
    const ended = await this.timed(what, () => this.spawn(command, options).ended)
    const { exit: due = 0 } = options
    if (ended.exit !== due) throw new Error(`exit ${ended.exit}, due ${due}: ${ended.stderr}`)
    return ended
  }

  /** Starts a command that runs until it is told to stop. */
  spawn(command: string, { more = '', failpoint = '' }: RunOptions = {}): Started {
    const line = `${command} ${more}`.replace('npx tidemark', 'exec node dist/src/main.js')
    const env = { ...process.env, FAILPOINT: failpoint }
    const child = spawn('bash', ['-euo', 'pipefail', '-c', line], { cwd: root, env })
    this.running.add(child)
    const started = new Started(child)
    void started.ended.finally(() => this.running.delete(child))
    return started
  }

  /** Runs a step of the test's own. */
  async timed<T>(what: string, work: () => Promise<T> | T): Promise<T> {
    const began = performance.now()
    try {
      return await work()
    } finally {
      const seconds = (performance.now() - began) / 1000
      this.tell(`${seconds.toFixed(1).padStart(7)} s  ${what}`)
    }
  }

  /** Ends whatever a failed test has left running. */
  close(): void {
    for (const child of this.running) child.kill('SIGKILL')
  }
}

export class Started {
  stdout = ''
  stderr = ''
  readonly ended: Promise<Ended>

  constructor(private readonly child: ChildProcess) {
    child.stdout!.on('data', (bytes: Buffer) => (this.stdout += bytes.toString()))
    child.stderr!.on('data', (bytes: Buffer) => (this.stderr += bytes.toString()))
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => {
        const { stdout, stderr } = this
        resolve({ exit: signal === 'SIGKILL' ? 137 : (code ?? -1), stdout, stderr })
      })
    })
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }
}
