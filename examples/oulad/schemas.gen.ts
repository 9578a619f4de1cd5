// Made from the *.avsc and ids.json by `npm run schemas`; not to be changed by hand.
/* oxlint-disable max-lines -- generated */
import type { EventSchemas, SchemaIds } from 'tidemark'

/** The event types of this app. */
export const customerEvents = {
  class_list: {
    type: 'record',
    name: 'class_list',
    namespace: 'tidemark.oulad',
    doc: 'The enrolment is in force at the end of a Sunday, of which there is one every four weeks; with what the calendar of the presentation says on that day.',
    fields: [
      { name: 'event_id', type: 'string', doc: 'The enrolment, /class_list/ and the Sunday.' },
      {
        name: 'customer_id',
        type: 'string',
        doc: 'The enrolment: module, presentation and student, such as AAA-2013J-11391.',
      },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'The Sunday, 00:00 UTC.',
      },
      {
        name: 'source',
        type: ['null', 'string'],
        default: null,
        doc: 'Not used: there is one source.',
      },
      { name: 'day', type: 'int', doc: 'Days from the start of the presentation.' },
      {
        name: 'tmas_due',
        type: 'int',
        doc: 'Tutor-marked assessments that were due up to this day.',
      },
      {
        name: 'tmas_due_next_28d',
        type: 'int',
        doc: 'Those that will be due in the 28 days after it.',
      },
    ],
  },
  mark: {
    type: 'record',
    name: 'mark',
    namespace: 'tidemark.oulad',
    doc: 'The score of an assessment becomes known.',
    fields: [
      { name: 'event_id', type: 'string', doc: 'The enrolment, /mark/ and the assessment.' },
      {
        name: 'customer_id',
        type: 'string',
        doc: 'The enrolment: module, presentation and student, such as AAA-2013J-11391.',
      },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'The first day on which the score is taken to be known, 00:00 UTC.',
      },
      {
        name: 'source',
        type: ['null', 'string'],
        default: null,
        doc: 'Not used: there is one source.',
      },
      { name: 'assessment', type: 'string', doc: 'Number of the assessment.' },
      {
        name: 'kind',
        type: { type: 'enum', name: 'Kind', symbols: ['TMA', 'CMA', 'Exam'] },
        doc: 'TMA: marked by a tutor; CMA: marked by a computer.',
      },
      { name: 'score', type: 'int', doc: '0 to 100; below 40 is a fail.' },
      {
        name: 'banked',
        type: 'boolean',
        doc: 'Taken over from an earlier presentation of the module.',
      },
    ],
  },
  registration: {
    type: 'record',
    name: 'registration',
    namespace: 'tidemark.oulad',
    doc: 'A student registers for a presentation of a module.',
    fields: [
      { name: 'event_id', type: 'string', doc: 'The enrolment and /registration.' },
      {
        name: 'customer_id',
        type: 'string',
        doc: 'The enrolment: module, presentation and student, such as AAA-2013J-11391.',
      },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'The day of the registration, 00:00 UTC.',
      },
      {
        name: 'source',
        type: ['null', 'string'],
        default: null,
        doc: 'Not used: there is one source.',
      },
      { name: 'module', type: 'string', doc: 'AAA to GGG.' },
      {
        name: 'presentation',
        type: 'string',
        doc: 'The year, and B for a start in February or J for October.',
      },
      {
        name: 'day',
        type: 'int',
        doc: 'Days from the start of the presentation; negative before it.',
      },
      { name: 'region', type: 'string', doc: 'Where the student lives.' },
      { name: 'highest_education', type: 'string', doc: 'On entry to the presentation.' },
      { name: 'age_band', type: 'string', doc: 'Three bands, as the university writes them.' },
      {
        name: 'imd_band',
        type: ['null', 'string'],
        default: null,
        doc: 'Index of multiple deprivation of the place of living; null where unknown.',
      },
      {
        name: 'previous_attempts',
        type: 'int',
        doc: 'How often the student attempted this module before.',
      },
      {
        name: 'earlier_enrolments',
        type: 'int',
        doc: 'Enrolments of the student in this data that were registered on earlier days.',
      },
      {
        name: 'earlier_withdrawals',
        type: 'int',
        doc: 'Those of them that were withdrawn from on earlier days than this registration.',
      },
    ],
  },
  submission: {
    type: 'record',
    name: 'submission',
    namespace: 'tidemark.oulad',
    doc: 'A student hands in an assessment; results taken over from an earlier presentation are not among them.',
    fields: [
      { name: 'event_id', type: 'string', doc: 'The enrolment, /submission/ and the assessment.' },
      {
        name: 'customer_id',
        type: 'string',
        doc: 'The enrolment: module, presentation and student, such as AAA-2013J-11391.',
      },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'The day of the submission, 00:00 UTC.',
      },
      {
        name: 'source',
        type: ['null', 'string'],
        default: null,
        doc: 'Not used: there is one source.',
      },
      { name: 'assessment', type: 'string', doc: 'Number of the assessment.' },
      {
        name: 'kind',
        type: { type: 'enum', name: 'Kind', symbols: ['TMA', 'CMA', 'Exam'] },
        doc: 'TMA: marked by a tutor; CMA: marked by a computer.',
      },
      {
        name: 'days_early',
        type: ['null', 'int'],
        default: null,
        doc: 'Days before the assessment was due, negative where late; null without a due day.',
      },
    ],
  },
  withdrawal: {
    type: 'record',
    name: 'withdrawal',
    namespace: 'tidemark.oulad',
    doc: 'A student withdraws from the presentation.',
    fields: [
      { name: 'event_id', type: 'string', doc: 'The enrolment and /withdrawal.' },
      {
        name: 'customer_id',
        type: 'string',
        doc: 'The enrolment: module, presentation and student, such as AAA-2013J-11391.',
      },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'The day of the withdrawal, 00:00 UTC.',
      },
      {
        name: 'source',
        type: ['null', 'string'],
        default: null,
        doc: 'Not used: there is one source.',
      },
      {
        name: 'day',
        type: 'int',
        doc: 'Days from the start of the presentation; negative before it.',
      },
    ],
  },
} as const satisfies EventSchemas

/** What each id in the header of a record means. */
export const schemaIds: SchemaIds = {
  1: {
    subject: 'tidemark.oulad.class_list',
    version: 1,
    schema: customerEvents.class_list,
  },
  2: {
    subject: 'tidemark.oulad.mark',
    version: 1,
    schema: customerEvents.mark,
  },
  3: {
    subject: 'tidemark.oulad.registration',
    version: 1,
    schema: customerEvents.registration,
  },
  4: {
    subject: 'tidemark.oulad.submission',
    version: 1,
    schema: customerEvents.submission,
  },
  5: {
    subject: 'tidemark.oulad.withdrawal',
    version: 1,
    schema: customerEvents.withdrawal,
  },
  6: {
    subject: 'tidemark.oulad.features',
    version: 1,
    schema: {
      type: 'record',
      name: 'features',
      namespace: 'tidemark.oulad',
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
              { name: 'module', type: ['null', 'string'] },
              { name: 'region', type: ['null', 'string'] },
              { name: 'highest_education', type: ['null', 'string'] },
              { name: 'age_band', type: ['null', 'string'] },
              { name: 'imd_band', type: ['null', 'string'] },
              { name: 'previous_attempts', type: ['null', 'double'] },
              { name: 'earlier_enrolments', type: ['null', 'double'] },
              { name: 'earlier_withdrawals', type: ['null', 'double'] },
              { name: 'registration_day', type: ['null', 'double'] },
              { name: 'registered_days', type: ['null', 'long'] },
              { name: 'course_day', type: ['null', 'double'] },
              { name: 'tmas_due', type: ['null', 'double'] },
              { name: 'tmas_due_next_28d', type: ['null', 'double'] },
              { name: 'tmas_submitted', type: ['null', 'long'] },
              { name: 'tmas_submitted_share', type: ['null', 'double'] },
              { name: 'submissions_28d', type: ['null', 'long'] },
              { name: 'submissions_84d', type: ['null', 'long'] },
              { name: 'submissions_total', type: ['null', 'long'] },
              { name: 'days_since_last_submission', type: ['null', 'long'] },
              { name: 'days_early_mean', type: ['null', 'double'] },
              { name: 'days_early_last', type: ['null', 'double'] },
              { name: 'marks_mean', type: ['null', 'double'] },
              { name: 'marks_lowest', type: ['null', 'double'] },
              { name: 'marks_spread', type: ['null', 'double'] },
              { name: 'mark_last', type: ['null', 'double'] },
              { name: 'marks_failed', type: ['null', 'long'] },
              { name: 'marks_banked', type: ['null', 'long'] },
            ],
          },
        },
      ],
    },
  },
  7: {
    subject: 'tidemark.oulad.scores',
    version: 1,
    schema: {
      type: 'record',
      name: 'scores',
      namespace: 'tidemark.oulad',
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
}
