/** Child processes that run a TypeScript file and may be killed at a failpoint. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface ChildEnd {
  /** Lines of its standard output. */
  readonly lines: string[]
  /** SIGKILL, or null where it ended by itself. */
  readonly signal: NodeJS.Signals | null
}

export interface ChildOptions {
  /** `name:kill:nth`, see `src/failpoint.ts`. */
  readonly failpoint?: string
  /** Sends SIGKILL this long after the first line of output. */
  readonly killAfterMs?: number
}

/**
 * Runs `script`, a path below `test/`, to its end. Rejects where it fails in another way than by
 * being killed.
 */
export function runChild(
  script: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildEnd> {
  const path = fileURLToPath(new URL(`../${script}`, import.meta.url))
  const env = { ...process.env, FAILPOINT: options.failpoint ?? '' }
  const child = spawn(process.execPath, ['--import', 'tsx', path, ...args], { env })
  let output = ''
  let errors = ''
  let killer: NodeJS.Timeout | null = null
  child.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString()
    if (options.killAfterMs === undefined) return
    killer ??= setTimeout(() => child.kill('SIGKILL'), options.killAfterMs)
  })
  child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString()))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exitCode, signal) => {
      if (killer) clearTimeout(killer)
      if (exitCode === 0 || signal === 'SIGKILL') {
        resolve({ lines: output.split('\n').filter(Boolean), signal })
      } else {
        reject(new Error(`${script} ended with ${exitCode ?? signal}: ${errors}`))
      }
    })
  })
}
