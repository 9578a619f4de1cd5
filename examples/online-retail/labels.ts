/**
 * Nobody tells a shop that he leaves, so churn is a lapse: no purchase in the next 60 days. It is
 * asked of customers who are active, with a purchase in the last 90; the others have lapsed already.
 */
import { eligible as declareEligible, labels as declareLabels, lapse, seenWithin } from 'tidemark'
import { customerEvents } from './schemas.gen.js'

export const labels = declareLabels(customerEvents, ({ on }) =>
  lapse(on.purchase, { gap: '0d', horizon: '60d' }),
)

export const eligible = declareEligible(customerEvents, ({ on }) => seenWithin(on.purchase, '90d'))
