// Made from the *.avsc and ids.json by `npm run schemas`; not to be changed by hand.
/* oxlint-disable max-lines -- generated */
import type { EventSchemas, SchemaIds } from '../../index.js'

/** The event types of this app. */
export const customerEvents = {
  content_consumed: {
    type: 'record',
    name: 'content_consumed',
    namespace: 'tidemark.churn',
    doc: 'A piece of content that a customer watched or heard.',
    fields: [
      {
        name: 'event_id',
        type: 'string',
        doc: 'Unique for the customer; a repetition within 24 h is dropped.',
      },
      { name: 'customer_id', type: 'string', doc: "The record's key as text." },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'When it began, in ms UTC.',
      },
      {
        name: 'source',
        type: ['null', 'string'],
        default: null,
        doc: 'The system that the event comes from.',
      },
      {
        name: 'content_type',
        type: { type: 'enum', name: 'ContentType', symbols: ['series', 'film', 'live', 'podcast'] },
        doc: 'What kind of content.',
      },
      { name: 'minutes', type: 'double', doc: 'How long it was consumed, in minutes.' },
    ],
  },
  customer_profile: {
    type: 'record',
    name: 'customer_profile',
    namespace: 'tidemark.churn',
    doc: 'What a customer has told about himself; the newest one counts.',
    fields: [
      {
        name: 'event_id',
        type: 'string',
        doc: 'Unique for the customer; a repetition within 24 h is dropped.',
      },
      { name: 'customer_id', type: 'string', doc: "The record's key as text." },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'When the profile was given, in ms UTC.',
      },
      {
        name: 'source',
        type: ['null', 'string'],
        default: null,
        doc: 'The system that the event comes from.',
      },
      {
        name: 'age',
        type: ['null', 'int'],
        default: null,
        doc: 'In years; null where it was not given.',
      },
      {
        name: 'gender',
        type: ['null', { type: 'enum', name: 'Gender', symbols: ['female', 'male', 'other'] }],
        default: null,
        doc: 'Null where it was not given.',
      },
      {
        name: 'location',
        type: ['null', 'string'],
        default: null,
        doc: 'ISO 3166-1 code of the country, such as DE.',
      },
      {
        name: 'acquisition_channel',
        type: [
          'null',
          {
            type: 'enum',
            name: 'Channel',
            symbols: ['organic', 'search', 'social', 'referral', 'partner'],
          },
        ],
        default: null,
        doc: 'How the customer was won.',
      },
    ],
  },
  payment: {
    type: 'record',
    name: 'payment',
    namespace: 'tidemark.churn',
    doc: 'An attempt to collect a payment, or its refund.',
    fields: [
      {
        name: 'event_id',
        type: 'string',
        doc: 'Unique for the customer; a repetition within 24 h is dropped.',
      },
      { name: 'customer_id', type: 'string', doc: "The record's key as text." },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'When the attempt was settled, in ms UTC.',
      },
      {
        name: 'source',
        type: ['null', 'string'],
        default: null,
        doc: 'The system that the event comes from.',
      },
      {
        name: 'amount',
        type: 'double',
        doc: 'In EUR, never negative: a refund is told by the status.',
      },
      {
        name: 'status',
        type: { type: 'enum', name: 'PaymentStatus', symbols: ['paid', 'failed', 'refunded'] },
        doc: 'How the attempt ended.',
      },
      {
        name: 'method',
        type: {
          type: 'enum',
          name: 'PaymentMethod',
          symbols: ['card', 'direct_debit', 'wallet', 'voucher'],
        },
        doc: 'What the customer paid with.',
      },
      {
        name: 'attempt',
        type: 'int',
        default: 1,
        doc: 'The first try of a bill is 1, a retry is 2 and so on.',
      },
    ],
  },
  session: {
    type: 'record',
    name: 'session',
    namespace: 'tidemark.churn',
    doc: 'A login and the visit that follows it.',
    fields: [
      {
        name: 'event_id',
        type: 'string',
        doc: 'Unique for the customer; a repetition within 24 h is dropped.',
      },
      { name: 'customer_id', type: 'string', doc: "The record's key as text." },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'When the session began, in ms UTC.',
      },
      {
        name: 'source',
        type: ['null', 'string'],
        default: null,
        doc: 'The system that the event comes from.',
      },
      {
        name: 'duration_seconds',
        type: ['null', 'double'],
        default: null,
        doc: 'Null where the end was not seen.',
      },
      {
        name: 'device',
        type: [
          'null',
          { type: 'enum', name: 'Device', symbols: ['mobile', 'desktop', 'tablet', 'tv'] },
        ],
        default: null,
        doc: 'What the customer used.',
      },
    ],
  },
  subscription_change: {
    type: 'record',
    name: 'subscription_change',
    namespace: 'tidemark.churn',
    doc: 'A subscription begins, changes or ends; the fields tell how it stands afterwards.',
    fields: [
      {
        name: 'event_id',
        type: 'string',
        doc: 'Unique for the customer; a repetition within 24 h is dropped.',
      },
      { name: 'customer_id', type: 'string', doc: "The record's key as text." },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'When the change took effect, in ms UTC.',
      },
      {
        name: 'source',
        type: ['null', 'string'],
        default: null,
        doc: 'The system that the event comes from.',
      },
      {
        name: 'change',
        type: {
          type: 'enum',
          name: 'Change',
          symbols: ['started', 'plan_changed', 'payment_method_changed', 'cancelled'],
        },
        doc: 'What happened.',
      },
      {
        name: 'status',
        type: { type: 'enum', name: 'SubscriptionStatus', symbols: ['active', 'cancelled'] },
        doc: 'How the subscription stands now.',
      },
      {
        name: 'plan',
        type: { type: 'enum', name: 'Plan', symbols: ['basic', 'standard', 'premium', 'family'] },
        doc: 'The plan from now on; of a cancelled subscription the last one.',
      },
      {
        name: 'payment_method',
        type: [
          'null',
          {
            type: 'enum',
            name: 'PaymentMethod',
            symbols: ['card', 'direct_debit', 'wallet', 'voucher'],
          },
        ],
        default: null,
        doc: 'The method from now on.',
      },
      {
        name: 'billing_amount',
        type: ['null', 'double'],
        default: null,
        doc: 'What a month costs from now on, in EUR.',
      },
    ],
  },
  support_ticket: {
    type: 'record',
    name: 'support_ticket',
    namespace: 'tidemark.churn',
    doc: 'A customer asks for help.',
    fields: [
      {
        name: 'event_id',
        type: 'string',
        doc: 'Unique for the customer; a repetition within 24 h is dropped.',
      },
      { name: 'customer_id', type: 'string', doc: "The record's key as text." },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'When the ticket was opened, in ms UTC.',
      },
      {
        name: 'source',
        type: ['null', 'string'],
        default: null,
        doc: 'The system that the event comes from.',
      },
      {
        name: 'category',
        type: {
          type: 'enum',
          name: 'TicketCategory',
          symbols: ['billing', 'technical', 'content', 'account'],
        },
        doc: 'What it is about.',
      },
      {
        name: 'priority',
        type: { type: 'enum', name: 'Priority', symbols: ['low', 'normal', 'high'] },
        doc: 'How urgent it is.',
      },
    ],
  },
} as const satisfies EventSchemas

/** What each id in the header of a record means. */
export const schemaIds: SchemaIds = {
  1: {
    subject: 'tidemark.churn.content_consumed',
    version: 1,
    schema: customerEvents.content_consumed,
  },
  2: {
    subject: 'tidemark.churn.customer_profile',
    version: 1,
    schema: customerEvents.customer_profile,
  },
  3: {
    subject: 'tidemark.churn.payment',
    version: 1,
    schema: customerEvents.payment,
  },
  4: {
    subject: 'tidemark.churn.session',
    version: 1,
    schema: customerEvents.session,
  },
  5: {
    subject: 'tidemark.churn.subscription_change',
    version: 1,
    schema: customerEvents.subscription_change,
  },
  6: {
    subject: 'tidemark.churn.support_ticket',
    version: 1,
    schema: customerEvents.support_ticket,
  },
  7: {
    subject: 'tidemark.churn.features',
    version: 1,
    schema: {
      type: 'record',
      name: 'features',
      namespace: 'tidemark.churn',
      fields: [
        { name: 'customer_id', type: 'string' },
        { name: 'topic', type: 'string' },
        { name: 'partition', type: 'int' },
        {
          name: 'end_offset',
          type: 'long',
          doc: 'Exclusive: the row is a function of what is below.',
        },
        {
          name: 'as_of',
          type: { type: 'long', logicalType: 'timestamp-millis' },
          doc: 'The instant at which the features were read.',
        },
        { name: 'commit', type: 'long', doc: 'Number of the commit that emitted the row.' },
        { name: 'feature_set', type: 'string' },
        { name: 'app_hash', type: { type: 'fixed', name: 'Sha256', size: 32 } },
        {
          name: 'cause',
          type: { type: 'enum', name: 'Cause', symbols: ['event', 'time', 'rescore'] },
        },
        {
          name: 'valid_until',
          type: ['null', { type: 'long', logicalType: 'timestamp-millis' }],
          doc: 'No value changes by time alone before it; null: never.',
        },
        { name: 'retired', type: 'boolean', doc: 'The last row until an event revives him.' },
        { name: 'eligible', type: 'boolean' },
        {
          name: 'values',
          type: {
            type: 'record',
            name: 'values',
            fields: [
              { name: 'age', type: ['null', 'long'] },
              { name: 'gender', type: ['null', 'string'] },
              { name: 'location', type: ['null', 'string'] },
              { name: 'plan_type', type: ['null', 'string'] },
              { name: 'payment_method', type: ['null', 'string'] },
              { name: 'tenure_days', type: ['null', 'long'] },
              { name: 'logins_last_7_days', type: ['null', 'long'] },
              { name: 'logins_last_30_days', type: ['null', 'long'] },
              { name: 'logins_last_90_days', type: ['null', 'long'] },
              { name: 'avg_session_duration_30d', type: ['null', 'double'] },
              { name: 'total_content_consumed_30d', type: ['null', 'long'] },
              { name: 'login_frequency_trend', type: ['null', 'double'] },
              { name: 'days_since_last_login', type: ['null', 'long'] },
              { name: 'days_since_last_payment', type: ['null', 'long'] },
              { name: 'support_interaction_count_90d', type: ['null', 'long'] },
              { name: 'payment_failures_last_6_months', type: ['null', 'long'] },
              { name: 'plan_changes_last_year', type: ['null', 'long'] },
              { name: 'billing_amount_change_pct', type: ['null', 'double'] },
            ],
          },
        },
      ],
    },
  },
  8: {
    subject: 'tidemark.churn.scores',
    version: 1,
    schema: {
      type: 'record',
      name: 'scores',
      namespace: 'tidemark.churn',
      fields: [
        { name: 'customer_id', type: 'string' },
        { name: 'topic', type: 'string' },
        { name: 'partition', type: 'int' },
        {
          name: 'end_offset',
          type: 'long',
          doc: 'Exclusive: the row is a function of what is below.',
        },
        {
          name: 'as_of',
          type: { type: 'long', logicalType: 'timestamp-millis' },
          doc: 'The instant at which the features were read.',
        },
        { name: 'commit', type: 'long', doc: 'Number of the commit that emitted the row.' },
        { name: 'bundle_name', type: 'string', doc: 'The model in force.' },
        { name: 'bundle_version', type: 'string' },
        { name: 'bundle_hash', type: { type: 'fixed', name: 'Sha256', size: 32 } },
        { name: 'experiment', type: ['null', 'string'] },
        { name: 'variant', type: ['null', 'string'] },
        {
          name: 'cause',
          type: { type: 'enum', name: 'Cause', symbols: ['event', 'time', 'rescore'] },
        },
        {
          name: 'valid_until',
          type: ['null', { type: 'long', logicalType: 'timestamp-millis' }],
          doc: 'No value changes by time alone before it; null: never.',
        },
        { name: 'probability', type: ['null', 'float'] },
        {
          name: 'risk',
          type: { type: 'enum', name: 'Risk', symbols: ['high', 'medium', 'low', 'unknown'] },
        },
        { name: 'decision', type: ['null', 'boolean'], doc: 'Probability at or above threshold.' },
        { name: 'served_by', type: 'string', doc: 'Name of the model that answered.' },
        { name: 'served_by_hash', type: 'Sha256' },
        { name: 'degraded', type: ['null', 'string'], doc: 'Why another model answered.' },
      ],
    },
  },
  9: {
    subject: 'tidemark.churn.features',
    version: 2,
    schema: {
      type: 'record',
      name: 'features',
      namespace: 'tidemark.churn',
      fields: [
        { name: 'customer_id', type: 'string' },
        { name: 'topic', type: 'string' },
        { name: 'partition', type: 'int' },
        {
          name: 'end_offset',
          type: 'long',
          doc: 'Exclusive: the row is a function of what is below.',
        },
        {
          name: 'as_of',
          type: { type: 'long', logicalType: 'timestamp-millis' },
          doc: 'The instant at which the features were read.',
        },
        { name: 'commit', type: 'long', doc: 'Number of the commit that emitted the row.' },
        { name: 'feature_set', type: 'string' },
        { name: 'app_hash', type: { type: 'fixed', name: 'Sha256', size: 32 } },
        {
          name: 'cause',
          type: { type: 'enum', name: 'Cause', symbols: ['event', 'time', 'rescore'] },
        },
        {
          name: 'valid_until',
          type: ['null', { type: 'long', logicalType: 'timestamp-millis' }],
          doc: 'No value changes by time alone before it; null: never.',
        },
        { name: 'retired', type: 'boolean', doc: 'The last row until an event revives him.' },
        { name: 'eligible', type: 'boolean' },
        {
          name: 'values',
          type: {
            type: 'record',
            name: 'values',
            fields: [
              { name: 'age', type: ['null', 'double'] },
              { name: 'gender', type: ['null', 'string'] },
              { name: 'location', type: ['null', 'string'] },
              { name: 'plan_type', type: ['null', 'string'] },
              { name: 'payment_method', type: ['null', 'string'] },
              { name: 'tenure_days', type: ['null', 'long'] },
              { name: 'logins_last_7_days', type: ['null', 'long'] },
              { name: 'logins_last_30_days', type: ['null', 'long'] },
              { name: 'logins_last_90_days', type: ['null', 'long'] },
              { name: 'avg_session_duration_30d', type: ['null', 'double'] },
              { name: 'total_content_consumed_30d', type: ['null', 'long'] },
              { name: 'login_frequency_trend', type: ['null', 'double'] },
              { name: 'days_since_last_login', type: ['null', 'long'] },
              { name: 'days_since_last_payment', type: ['null', 'long'] },
              { name: 'support_interaction_count_90d', type: ['null', 'long'] },
              { name: 'payment_failures_last_6_months', type: ['null', 'long'] },
              { name: 'plan_changes_last_year', type: ['null', 'long'] },
              { name: 'billing_amount_change_pct', type: ['null', 'double'] },
            ],
          },
        },
      ],
    },
  },
}
