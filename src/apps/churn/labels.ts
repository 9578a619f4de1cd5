/** Churn is an explicit cancellation within 30 days; asked of customers who still come. */
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

export const eligible = declareEligible(customerEvents, ({ on }) => seenWithin(on.session, '90d'))
