/** What must hold of the events of an enrolment. All of the real ones do; see the flag. */
import { range, reference, required, rules as declareRules } from 'tidemark'
import { customerEvents } from './schemas.gen.js'

export const rules = declareRules(customerEvents, ({ on }) => [
  required(on.registration.module),
  // Registration opens about a year before the start; the latest real one is on day 167.
  range(on.registration.day, -400, 300),
  range(on.registration.previous_attempts, 0, 20),
  range(on.withdrawal.day, -400, 800),

  required(on.submission.assessment),
  // The earliest real one came 246 days early; the latest 372 days late, in a later presentation.
  range(on.submission.days_early, -800, 300),
  required(on.mark.assessment),
  range(on.mark.score, 0, 100),
  range(on.class_list.day, 0, 300),

  // 45 registrations have no day and are rejects; what these students did is used all the same.
  reference('registered', {
    to: on.registration,
    from: [on.submission, on.mark, on.withdrawal],
  }),
])
