/**
 * Lives simulated lives, FROM to TO, both included, and tells each fault as a line of JSON: a process
 * of its own, for a life takes over the timers of its process. `live-seeds.ts FROM TO STEP`.
 */
import { Lives } from '../../simulation/lives.js'

const [from, to, step] = process.argv.slice(2).map(Number)
const lives = new Lives()
for (let seed = from; seed <= to; seed += step) {
  const { faults, commits, crashes, failures } = await lives.of(seed)
  process.stdout.write(`${JSON.stringify({ seed, faults, commits, crashes, failures })}\n`)
}
