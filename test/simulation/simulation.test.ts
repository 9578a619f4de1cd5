/**
 * Two thousand lives of an engine over memory adapters: wherever batches, commits and flushes close
 * (P1), whatever fails, crashes, stops or is damaged on the way (P2), every row re-derives, none is
 * missing, and state and snapshots are those of the input.
 *
 * More than a hundred of each kind are among them; `npm run test:whole` lives 4,000, and
 * `npm run torture -- --scenario simulation --seeds 50000` more, or one again.
 */
import { livesWithoutFault } from './lives-without-fault.js'

livesWithoutFault({ from: 1, seeds: 2_000 })
