/**
 * What must hold of invoice lines. The limits are wide: the largest real line sells 80,995 pieces,
 * the dearest one costs 38,970 GBP, and both are true. They are there for slipped digits and signs.
 */
import { range, reference, required, rules as declareRules } from 'tidemark'
import { customerEvents } from './schemas.gen.js'

export const rules = declareRules(customerEvents, ({ on }) => [
  required(on.purchase.stock_code),
  range(on.purchase.quantity, 1, 100_000),
  range(on.purchase.unit_price, 0, 100_000),
  range(on.purchase.amount, 0, 1_000_000),
  // Gifts and samples are real, but many of them would be a fault of the till.
  range(on.purchase.unit_price, 0.001, 100_000, { action: 'flag', name: 'priced' }),

  required(on.cancellation.stock_code),
  range(on.cancellation.quantity, 1, 100_000),
  range(on.cancellation.unit_price, 0, 100_000),
  range(on.cancellation.amount, 0, 1_000_000),

  // The log begins in the middle of the shop's life, so what is taken back may be older.
  reference('bought', { to: on.purchase, from: [on.cancellation] }),
])
