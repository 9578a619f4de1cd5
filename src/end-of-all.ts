/**
 * The first failure of several works, but behind the end of all: none goes on behind the back of
 * whoever tries again.
 */
export async function endOfAll(works: readonly Promise<unknown>[]): Promise<void> {
  for (const end of await Promise.allSettled(works)) {
    if (end.status === 'rejected') throw end.reason
  }
}
