/**
 * Named places where a test may end this process, to prove that a crash there loses nothing.
 *
 * `FAILPOINT=name:kill:nth` kills the process with SIGKILL the nth time that it comes to `name`,
 * `name:stop:nth` freezes it there with SIGSTOP until somebody sends SIGCONT, `name:block:nth` keeps
 * its event loop busy there for 10 s; several are separated by commas. Without the variable every call
 * returns at once.
 */

type Action = 'kill' | 'stop' | 'block'

interface Armed {
  readonly name: string
  readonly action: Action
  remaining: number
}

const FORM = /^([a-z0-9.-]+):(kill|stop|block):([1-9]\d*)$/
const BLOCK_MS = 10_000

function armedFrom(text: string | undefined): Armed[] {
  if (!text) return []
  return text.split(',').map((part) => {
    const match = FORM.exec(part.trim())
    // A misspelt failpoint would make a crash test pass without a crash.
    if (!match)
      throw new Error(
        `FAILPOINT part "${part}" is not name:kill:nth, name:stop:nth or name:block:nth`,
      )
    return { name: match[1], action: match[2] as Action, remaining: Number(match[3]) }
  })
}

const armed = armedFrom(process.env['FAILPOINT'])

/**
 * Dies here if the environment asks for it.
 *
 * @example failpoint('log.before-batch')
 */
export function failpoint(name: string): void {
  if (armed.length !== 0) hit(name)
}

/**
 * The same, but in the event loop's next turn: for a point that lies inside work which the caller
 * has only just started, such as a write that another thread is doing.
 *
 * @example
 * const writing = batch.write({ sync: true })
 * failpointSoon('log.in-sync')
 * await writing
 */
export function failpointSoon(name: string): void {
  if (armed.length !== 0) setImmediate(() => hit(name))
}

function hit(name: string): void {
  for (const point of armed) {
    if (point.name !== name) continue
    point.remaining -= 1
    if (point.remaining === 0) act(point.action)
  }
}

function act(action: Action): void {
  if (action === 'kill') process.kill(process.pid, 'SIGKILL')
  else if (action === 'stop') process.kill(process.pid, 'SIGSTOP')
  else for (const untilMs = performance.now() + BLOCK_MS; performance.now() < untilMs;);
}
