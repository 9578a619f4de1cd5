/**
 * Runs `work`, then `end`, however the work ended. Where both fail, what the work failed with is
 * told: a disk that is full fails the end too, and the first sentence says more.
 *
 * @example await withEnd(() => serve(stop), () => server.close())
 */
export async function withEnd<T>(work: () => Promise<T>, end: () => Promise<void>): Promise<T> {
  const [worked] = await Promise.allSettled([work()])
  const [ended] = await Promise.allSettled([end()])
  if (worked.status === 'rejected') throw worked.reason
  if (ended.status === 'rejected') throw ended.reason
  return worked.value
}

/** Closes everything, what was opened last first, and then tells the first failure. */
export async function closeAll(closing: (() => Promise<void>)[]): Promise<void> {
  const close = closing.pop()
  if (close !== undefined) await withEnd(close, () => closeAll(closing))
}
