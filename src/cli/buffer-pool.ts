/** Bytes that small buffers are cut from at once; Node's own default is 8 KiB. */
const poolBytes = 64 * 1024

/**
 * Rows, keys and state records are small buffers, thousands a commit. Cutting them from larger
 * pieces takes a tenth off the CPU of an event (`bench/w2.ts`); a piece is freed when nothing that
 * was cut from it is left. Holds for the whole process, so only a process of our own calls it.
 */
export function widenBufferPool(): void {
  Buffer.poolSize = poolBytes
}
