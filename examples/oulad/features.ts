/**
 * What tells whether a student will withdraw: who registered, how the work has been handed in
 * against what was due, what marks it brought, and how long it is since anything came.
 */
import {
  count,
  daysSince,
  distinct,
  features,
  latest,
  mean,
  min,
  ratio,
  stddev,
  tenure,
} from 'tidemark'
import { customerEvents } from './schemas.gen.js'

export const featureSet = features('oulad', 1, customerEvents, ({ on }) => {
  const { registration, submission, mark, class_list: list } = on
  const tmas = distinct(submission.assessment).where(submission.kind.is('TMA'))
  const earned = mark.banked.is(false)
  return {
    module: latest(registration.module),
    region: latest(registration.region),
    highest_education: latest(registration.highest_education),
    age_band: latest(registration.age_band),
    imd_band: latest(registration.imd_band),
    previous_attempts: latest(registration.previous_attempts),
    earlier_enrolments: latest(registration.earlier_enrolments),
    earlier_withdrawals: latest(registration.earlier_withdrawals),

    registration_day: latest(registration.day),
    registered_days: tenure(registration),
    course_day: latest(list.day),

    tmas_due: latest(list.tmas_due),
    tmas_due_next_28d: latest(list.tmas_due_next_28d),
    tmas_submitted: tmas.ever(),
    tmas_submitted_share: ratio(tmas.ever(), latest(list.tmas_due)),
    submissions_28d: count(submission).over('28d'),
    submissions_84d: count(submission).over('84d'),
    submissions_total: count(submission),
    days_since_last_submission: daysSince(latest(submission)),
    days_early_mean: mean(submission.days_early),
    days_early_last: latest(submission.days_early),

    marks_mean: mean(mark.score).where(earned),
    marks_lowest: min(mark.score).where(earned),
    marks_spread: stddev(mark.score).where(earned),
    mark_last: latest(mark.score).where(earned),
    marks_failed: count(mark).where(earned).where(mark.score.below(40)),
    marks_banked: count(mark).where(mark.banked.is(true)),
  }
})
