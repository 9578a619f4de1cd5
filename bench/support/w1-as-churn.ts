/** W2's events: those of W1 as events of the churn app, so that its declaration has work to do. */
import type { EventBody } from '../../src/events/event.js'
import type { W1Event } from './w1.js'

/** In the order of W1's plans. */
const plans: Readonly<Record<string, string>> = {
  'free-tier-eur-2024-edition-v1': 'basic',
  'basic-monthly-eur-2024-edition-v1': 'standard',
  'plus-annual-eur-2024-edition-v1': 'premium',
  'premium-annual-family-eur-2024-edition-v1': 'family',
}

export interface ChurnEvent {
  readonly type: string
  readonly body: EventBody
}

export function churnEvent(event: W1Event): ChurnEvent {
  const { event_id, customer_id, occurred_at, duration_s, amount } = event
  const envelope = { event_id, customer_id, occurred_at, source: null }
  switch (event.type) {
    case 'SESSION':
      return of('session', { ...envelope, duration_seconds: duration_s, device: 'mobile' })
    case 'CONTENT':
      return of('content_consumed', {
        ...envelope,
        content_type: 'series',
        minutes: duration_s / 60,
      })
    case 'PAYMENT': {
      const status = event.ok ? 'paid' : 'failed'
      return of('payment', { ...envelope, amount, status, method: 'card', attempt: 1 })
    }
    case 'SUPPORT':
      return of('support_ticket', { ...envelope, category: 'billing', priority: 'normal' })
    case 'PLAN_CHANGE':
      return of('subscription_change', {
        ...envelope,
        change: 'plan_changed',
        status: 'active',
        plan: plans[event.plan],
        payment_method: 'card',
        billing_amount: null,
      })
  }
}

const of = (type: string, body: EventBody): ChurnEvent => ({ type, body })
