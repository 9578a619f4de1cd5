/** Child processes that are not to outlive this one, also where a signal ends it in the middle. */
import type { ChildProcess } from 'node:child_process'

const children = new Set<ChildProcess>()

/** Kills the child when this process exits; the child is answered. */
export function withUs<C extends ChildProcess>(child: C): C {
  if (children.size === 0) process.on('exit', endAll)
  children.add(child)
  child.once('exit', () => {
    children.delete(child)
    if (children.size === 0) process.off('exit', endAll)
  })
  return child
}

function endAll(): void {
  for (const child of children) child.kill('SIGKILL')
}
