/** How often a guest comes, what he likes, and whether he spends more than he used to. */
import { change, count, daysSince, features, latest, sum } from 'tidemark'
import { customerEvents } from './schemas.gen.js'

export const featureSet = features('cafe', 1, customerEvents, ({ on }) => {
  const spent = sum(on.visit.amount)
  return {
    visits_7d: count(on.visit).over('7d'),
    days_since_last_visit: daysSince(latest(on.visit)),
    drink: latest(on.visit.drink),
    spent_total: spent.ever(),
    spent_change_pct: change(spent, '7d', { against: '28d' }),
  }
})
