import type { CliIo } from '../../src/cli/io.js'

/** A world for one command: what it printed, a clock that is set by hand, signals on demand. */
export class TestIo implements CliIo {
  stdout = ''
  stderr = ''
  clock = Date.parse('2026-01-01T12:00:00Z')
  exits: number[] = []
  columns = 80
  environment: Record<string, string | undefined> = {}
  readonly #listeners = new Set<(signal: NodeJS.Signals) => void>()

  constructor(
    readonly isTerminal = false,
    readonly cwd = '/somewhere',
  ) {}

  readonly out = (text: string) => void (this.stdout += text)
  readonly err = (text: string) => void (this.stderr += text)
  readonly now = () => this.clock
  readonly exit = (code: number) => void this.exits.push(code)
  readonly onSignal = (listener: (signal: NodeJS.Signals) => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  signal(name: NodeJS.Signals): void {
    for (const listener of this.#listeners) listener(name)
  }

  get listeners(): number {
    return this.#listeners.size
  }
}
