/** What tells whether a customer of a subscription business is about to leave. */
import {
  change,
  count,
  daysSince,
  features,
  latest,
  mean,
  ratio,
  sum,
  tenure,
} from '../../index.js'
import { customerEvents } from './schemas.gen.js'

export const featureSet = features('churn', 1, customerEvents, ({ on }) => {
  const { customer_profile: profile, subscription_change: subscription, payment } = on
  const logins = count(on.session)
  const paid = payment.status.is('paid')
  return {
    age: latest(profile.age),
    gender: latest(profile.gender),
    location: latest(profile.location),

    plan_type: latest(subscription.plan),
    payment_method: latest(subscription.payment_method),
    tenure_days: tenure(subscription),

    logins_last_7_days: logins.over('7d'),
    logins_last_30_days: logins.over('30d'),
    logins_last_90_days: logins.over('90d'),
    avg_session_duration_30d: mean(on.session.duration_seconds).over('30d'),
    total_content_consumed_30d: count(on.content_consumed).over('30d'),

    login_frequency_trend: ratio(logins.rate('7d'), logins.rate('90d')),
    days_since_last_login: daysSince(latest(on.session)),
    days_since_last_payment: daysSince(latest(payment).where(paid)),
    support_interaction_count_90d: count(on.support_ticket).over('90d'),

    payment_failures_last_6_months: count(payment).where(payment.status.is('failed')).over('180d'),
    plan_changes_last_year: count(subscription)
      .where(subscription.change.is('plan_changed'))
      .over('365d'),
    billing_amount_change_pct: change(sum(payment.amount).where(paid), '30d', { against: '90d' }),
  }
})
