import { readdirSync } from 'node:fs'
import { constants, setPriority } from 'node:os'

const { PRIORITY_LOW } = constants.priority

/**
 * Lets this process run where nobody else on the machine wants to. On Linux a priority is a thread's,
 * and those that collect garbage, compress and compact stores were there before: each is told.
 */
export function giveWay(): void {
  setPriority(PRIORITY_LOW)
  if (process.platform !== 'linux') return
  for (const thread of readdirSync('/proc/self/task')) {
    try {
      setPriority(Number(thread), PRIORITY_LOW)
    } catch {
      // It has ended since; one that begins now has the priority of who begins it.
    }
  }
}
