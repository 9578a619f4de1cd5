/** All lines of Online Retail through the commands that its README shows. */
import { walkOnlineRetail } from '../examples/retail-walk.js'

walkOnlineRetail({
  name: 'the whole of it',
  write: null,
  lines: 541_909,
  nameless: 135_080,
  cancellations: 8905,
  customers: 4372,
  priced: 40,
  judged: 2219,
  rowsMin: 15_000,
  aucMin: 0.72,
  kills: ['log.in-sync:kill:40', 'ingest.after-commit:kill:30'],
  resumedBeyond: 300_000,
  firstAt: Date.UTC(2010, 11, 1, 8, 26),
  lastAt: Date.UTC(2011, 11, 9, 12, 50),
})
