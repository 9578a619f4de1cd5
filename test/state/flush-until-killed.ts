/** A process that flushes to a store until it is killed, or sets it aside; one line for each step. */
import { LevelStoreHome } from '../../src/state/level-store-home.js'

const [directory, what, count] = process.argv.slice(2)
const home = new LevelStoreHome(directory, 'state')

if (what === 'set-aside') {
  process.stdout.write(`${await home.setAside(0, 'a test')}\n`)
} else {
  const store = await home.open(0)
  const from = Number(Buffer.from((await store.position()) ?? []).toString() || 0)
  for (let flush = from + 1; flush <= from + Number(count); flush += 1) {
    const value = Buffer.alloc(1000, flush)
    // Every key is in every flush: a torn one would show as two generations.
    const changes = Array.from({ length: 500 }, (_, key) => ({
      key: Buffer.from(`k${key}`),
      value,
    }))
    await store.write(changes, Buffer.from(String(flush)))
    process.stdout.write(`${flush}\n`)
  }
  await store.close()
}
