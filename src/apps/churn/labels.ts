/**
 * Churn is an explicit cancellation within 30 days. It is asked of customers who have paid for the
 * current period of 30 days; a day more, for a bill is not settled to the minute. Who has left
 * looks like one who is about to, so he must not be among them.
 */
import {
  eligible as declareEligible,
  happens,
  labels as declareLabels,
  seenWithin,
} from '../../index.js'
import { customerEvents } from './schemas.gen.js'

export const labels = declareLabels(customerEvents, ({ on: { subscription_change: change } }) =>
  happens(change, { gap: '0d', horizon: '30d', where: change.change.is('cancelled') }),
)

export const eligible = declareEligible(customerEvents, ({ on }) =>
  seenWithin(on.payment, '31d', { where: on.payment.status.is('paid') }),
)
