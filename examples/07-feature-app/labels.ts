/** A guest has left when he does not come for two weeks; only recent guests are asked about. */
import { eligible as declareEligible, labels as declareLabels, lapse, seenWithin } from 'tidemark'
import { customerEvents } from './schemas.gen.js'

export const labels = declareLabels(customerEvents, ({ on }) =>
  lapse(on.visit, { gap: '0d', horizon: '14d' }),
)

export const eligible = declareEligible(customerEvents, ({ on }) => seenWithin(on.visit, '28d'))
