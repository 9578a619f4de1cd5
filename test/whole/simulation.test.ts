/** The next lives behind those that `npm test` lives. */
import { livesWithoutFault } from '../simulation/lives-without-fault.js'

livesWithoutFault({ from: 2_001, seeds: 4_000 })
