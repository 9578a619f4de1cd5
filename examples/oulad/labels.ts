/**
 * Churn is explicit here: a withdrawal within 28 days. It is asked of who was on the newest class
 * list, a Sunday's; on the Monday after it these are exactly the enrolments in force, in a
 * presentation that has begun. Between two lists who has withdrawn since the last one is still
 * among them, so training sets take those Mondays.
 */
import { eligible as declareEligible, happens, labels as declareLabels, seenWithin } from 'tidemark'
import { customerEvents } from './schemas.gen.js'

export const labels = declareLabels(customerEvents, ({ on }) =>
  happens(on.withdrawal, { gap: '0d', horizon: '28d' }),
)

export const eligible = declareEligible(customerEvents, ({ on }) =>
  seenWithin(on.class_list, '28d'),
)
