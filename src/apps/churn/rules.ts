/** What must hold of the events of a subscription business. */
import { range, reference, required, rules as declareRules } from '../../index.js'
import { customerEvents } from './schemas.gen.js'

const DAY_SECONDS = 86_400
const DAY_MINUTES = 1_440

export const rules = declareRules(customerEvents, ({ on }) => [
  range(on.customer_profile.age, 18, 100),
  required(on.customer_profile.location, { action: 'flag', name: 'hasLocation' }),

  range(on.session.duration_seconds, 0, DAY_SECONDS),
  // A visit of twelve hours is more often a device left on than a customer watching.
  range(on.session.duration_seconds, 0, DAY_SECONDS / 2, { action: 'flag', name: 'longSession' }),
  range(on.content_consumed.minutes, 0, DAY_MINUTES),

  range(on.subscription_change.billing_amount, 0, 10_000),
  range(on.payment.amount, 0, 10_000),
  range(on.payment.amount, 0, 200, { action: 'flag', name: 'highPayment' }),
  range(on.payment.attempt, 1, 20),

  // Sources do not arrive in step, so an early event is counted, not refused.
  reference('hasProfile', {
    to: on.customer_profile,
    from: [on.session, on.content_consumed, on.payment, on.subscription_change, on.support_ticket],
  }),
])
