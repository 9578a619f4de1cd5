/** Why a record is refused, in a sentence a code. */
export const rejectCodes = {
  DECODE_FAILED: 'The bytes are not what their schema says.',
  SCHEMA_UNKNOWN: 'Nobody knows the schema that the record names.',
  SCHEMA_INCOMPATIBLE: 'The record’s schema cannot be read as the app’s.',
  TYPE_UNKNOWN: 'The app reads no events of this type.',
  FIELD_INVALID: 'A field has a value that its type cannot have.',
  NUMBER_RANGE: 'A number is not finite, or too large to be exact.',
  KEY_MISSING: 'The record has no key, and so no customer.',
  KEY_INVALID: 'The key is no text.',
  KEY_TOO_LONG: 'The key has more than 256 bytes.',
  KEY_MISMATCH: 'The event names another customer than the key.',
  WRONG_PARTITION: 'The record lies in another partition than its key belongs to.',
  TIMESTAMP_RANGE: 'The event’s time is before 1990 or after 2100.',
  FIELD_REQUIRED: 'A field that has to be there is missing.',
  FIELD_TOO_LONG: 'A text is longer than may be kept.',
  FIELD_RANGE: 'A number is outside the range that a rule gives.',
  FIELD_NOT_ALLOWED: 'A value is none of those that a rule lists.',
  REFERENCE_MISSING: 'The event refers to another one that has not come.',
  EVENT_IN_FUTURE: 'The event’s time is more than five minutes ahead of its record.',
  OPERATOR_FAILED: 'A function of the topology has thrown.',
  TABLE_FULL: 'A join’s table has as many rows as it may.',
  TABLE_ROW_TOO_LARGE: 'A row of a join’s table is too large.',
  STATE_TOO_LARGE: 'A key would keep more than 8 MiB in its windows.',
  ROW_INVALID: 'A row of an ingest makes no event.',
  RECORD_TOO_LARGE: 'A row would make a record of more than a megabyte.',
}

export const LATE =
  'It happened before everything that is still kept; the features are as without it.'
