/** The vectors' declaration, written once in the feature language over schemas of its own. */
import {
  change,
  count,
  daysSince,
  distinct,
  first,
  latest,
  max,
  mean,
  min,
  ratio,
  stddev,
  sum,
  tenure,
} from '../../src/features/expressions.js'
import { features } from '../../src/features/declare.js'
import { envelope } from './envelope.js'

export const vectorSchemas = {
  order: {
    type: 'record',
    name: 'order',
    fields: [...envelope, { name: 'amount', type: ['null', 'double'], default: null }],
  },
  plan: {
    type: 'record',
    name: 'plan',
    fields: [...envelope, { name: 'plan', type: ['null', 'string'], default: null }],
  },
  visit: { type: 'record', name: 'visit', fields: [...envelope] },
} as const

/** `spec.yaml`, feature by feature. */
export const vectorFeatures = features('adversarial', 1, vectorSchemas, ({ on }) => {
  const orders = count(on.order)
  const amounts = sum(on.order.amount)
  return {
    n_1h_exact: orders.over('1h', { tile: '1ms' }),
    n_1h: orders.over('1h'),
    n_24h: orders.over('24h'),
    n_7d: orders.over('7d'),
    n_8d: orders.over('8d'),
    n_30d: orders.over('30d'),
    n_90d: orders.over('90d'),
    n_30d_hourly: orders.over('30d', { tile: '1h' }),
    sum_7d: amounts.over('7d'),
    sum_30d: amounts.over('30d'),
    mean_30d: mean(on.order.amount).over('30d'),
    min_30d: min(on.order.amount).over('30d'),
    max_7d: max(on.order.amount).over('7d'),
    stddev_30d: stddev(on.order.amount).over('30d'),
    big_30d: orders.where(on.order.amount.atLeast(100)).over('30d'),
    plans_90d: distinct(on.plan.plan).over('90d'),
    plan: latest(on.plan.plan),
    first_plan: first(on.plan.plan),
    plan_7d: latest(on.plan.plan).over('7d'),
    days_since_order: daysSince(latest(on.order).over('90d')),
    tenure: tenure(on.plan),
    trend_7_30: ratio(orders.rate('7d'), orders.rate('30d')),
    change_7_30: change(amounts, '7d', { against: '30d' }),
    plans_all: count(on.plan),
  }
})
