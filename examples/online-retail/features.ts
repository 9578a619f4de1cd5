/**
 * What tells whether a customer of a shop will come back: how lately, how often, for how much and
 * how variedly he bought, and whether that grows or fades. An order is an invoice; what was taken
 * back is counted apart, for a purchase stays one.
 */
import {
  change,
  count,
  daysSince,
  distinct,
  features,
  latest,
  mean,
  ratio,
  sum,
  tenure,
} from 'tidemark'
import { customerEvents } from './schemas.gen.js'

export const featureSet = features('online_retail', 1, customerEvents, ({ on }) => {
  const { purchase, cancellation } = on
  const orders = distinct(purchase.invoice)
  const products = distinct(purchase.stock_code)
  const lines = count(purchase)
  const revenue = sum(purchase.amount)
  return {
    country: latest(purchase.country),

    days_since_last_purchase: daysSince(latest(purchase)),
    tenure_days: tenure(purchase),

    orders_30d: orders.over('30d'),
    orders_90d: orders.over('90d'),
    orders_180d: orders.over('180d'),
    orders_total: orders.ever(),

    revenue_30d: revenue.over('30d'),
    revenue_90d: revenue.over('90d'),
    revenue_180d: revenue.over('180d'),
    revenue_total: revenue.ever(),

    products_90d: products.over('90d'),
    products_180d: products.over('180d'),
    lines_90d: lines.over('90d'),
    lines_180d: lines.over('180d'),
    quantity_90d: sum(purchase.quantity).over('90d'),
    mean_line_amount_90d: mean(purchase.amount).over('90d'),

    cancellations_180d: distinct(cancellation.invoice).over('180d'),
    cancelled_amount_180d: sum(cancellation.amount).over('180d'),

    // A ratio of counts in place of one of daily rates: it differs by a constant factor.
    orders_trend_30d_90d: ratio(orders.over('30d'), orders.over('90d')),
    orders_trend_90d_180d: ratio(orders.over('90d'), orders.over('180d')),
    revenue_change_30d_90d_pct: change(revenue, '30d', { against: '90d' }),
  }
})
