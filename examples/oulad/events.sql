-- Five tables of the Open University Learning Analytics data set to events; DuckDB, with the files as
-- ${files}. A customer is an enrolment (docs/decisions/0036): module, presentation and student.
--
-- Days are counted from the start of a presentation, which the data does not date. B is taken to
-- start on 1 February and J on 1 October of the year. An event of a day is stamped at its beginning,
-- and nothing says at what hour it happened: ask at midnight, when the day before is over.
--
-- What is known when:
-- * A score is known when it has been marked: 14 days after the submission or after the due day,
--   whichever is later, for what a tutor marks (TMA), and 1 day after it for what a computer marks
--   (CMA). The score of an exam is the final result: it is left out, the submission is kept.
-- * A banked result was worked for in an earlier presentation and stands at day -1 by convention.
--   Nothing is handed in; its mark is known on that day, or on that of a later registration.
-- * The final result, and the credits studied at an undated moment, are never read.
-- * Of a student's other enrolments, a registration tells those registered on earlier days.
-- * Who withdraws on a day is not on the class list of that day, nor on any later one: a list says
--   what the past has decided, and nothing about the weeks after it.
--
-- Rows that cannot be placed come out with a null customer_id or occurred_at and become rejects.
-- A number that cannot be read is null, and so is a question mark, which some editions of the data
-- have for a missing value; a file of another name is refused as a whole.
WITH cells AS (
  SELECT
    *,
    replace(lower(regexp_extract(filename, '([A-Za-z_]+)\.csv[^/]*$', 1)), '_', '') AS file
  FROM read_csv(
    ${files}, header = true, delim = ',', quote = '"', nullstr = ['', '?'],
    all_varchar = true, union_by_name = true, filename = true
  )
), tables AS (
  SELECT
    *,
    CASE
      WHEN file IN ('assessment', 'assessments') THEN 'assessment'
      WHEN file IN ('course', 'courses') THEN 'course'
      WHEN file IN ('student', 'studentinfo') THEN 'student'
      WHEN file IN ('studentassessment', 'studentregistration') THEN file
      ELSE error(format('{} is none of the five tables', filename))
    END AS table_name,
    code_module || '-' || code_presentation || '-' || id_student AS enrolment
  FROM cells
), courses AS (
  SELECT
    code_module,
    code_presentation,
    make_date(
      TRY_CAST(left(code_presentation, 4) AS INTEGER),
      CASE right(code_presentation, 1) WHEN 'B' THEN 2 WHEN 'J' THEN 10 END,
      1
    ) AS start,
    TRY_CAST(module_presentation_length AS INTEGER) AS days
  FROM tables WHERE table_name = 'course'
), students AS (
  SELECT * FROM tables WHERE table_name = 'student'
), registrations AS (
  SELECT
    enrolment,
    code_module,
    code_presentation,
    id_student,
    TRY_CAST(date_registration AS INTEGER) AS registered,
    TRY_CAST(date_unregistration AS INTEGER) AS withdrawn,
    date_unregistration IS NOT NULL AS is_withdrawn
  FROM tables WHERE table_name = 'studentregistration'
), enrolments AS (
  SELECT
    * EXCLUDE (start, days),
    start,
    days,
    start + registered AS registered_on,
    start + withdrawn AS withdrawn_on
  FROM registrations LEFT JOIN courses USING (code_module, code_presentation)
), assessments AS (
  SELECT
    id_assessment,
    code_module,
    code_presentation,
    assessment_type AS kind,
    TRY_CAST(date AS INTEGER) AS due
  FROM tables WHERE table_name = 'assessment'
), given AS (
  SELECT id_assessment, id_student, date_submitted, is_banked, score
  FROM tables WHERE table_name = 'studentassessment'
), results AS (
  SELECT
    code_module || '-' || code_presentation || '-' || id_student AS customer_id,
    id_assessment AS assessment,
    kind,
    due,
    start,
    TRY_CAST(date_submitted AS INTEGER) AS submitted,
    is_banked = '1' AS banked,
    score IS NOT NULL AS is_marked,
    TRY_CAST(score AS INTEGER) AS score
  FROM given
  LEFT JOIN assessments USING (id_assessment)
  LEFT JOIN courses USING (code_module, code_presentation)
), sundays AS (
  SELECT DATE '2013-02-03' + 28 * unnest(range(40))::INTEGER AS sunday
), calendar AS (
  SELECT
    code_module,
    code_presentation,
    sunday,
    (sunday - start)::INTEGER AS day,
    count(due) FILTER (due <= sunday - start)::INTEGER AS tmas_due,
    count(due) FILTER (due > sunday - start AND due <= sunday - start + 28)::INTEGER
      AS tmas_due_next_28d
  FROM courses
  JOIN sundays ON sunday >= start AND sunday < start + days
  LEFT JOIN (FROM assessments WHERE kind = 'TMA') USING (code_module, code_presentation)
  GROUP BY ALL
), others AS (
  SELECT
    mine.enrolment,
    count(*) FILTER (other.registered_on < mine.registered_on)::INTEGER AS earlier_enrolments,
    count(*) FILTER (other.withdrawn_on < mine.registered_on)::INTEGER AS earlier_withdrawals
  FROM enrolments AS mine
  JOIN enrolments AS other USING (id_student)
  WHERE mine.enrolment <> other.enrolment
  GROUP BY mine.enrolment
)
SELECT
  coalesce(enrolments.enrolment, students.enrolment) || '/registration' AS event_id,
  coalesce(enrolments.enrolment, students.enrolment) AS customer_id,
  'registration' AS type,
  registered_on::TIMESTAMP AS occurred_at,
  enrolments.code_module AS module,
  enrolments.code_presentation AS presentation,
  registered AS day,
  students.region,
  students.highest_education,
  students.age_band,
  students.imd_band,
  TRY_CAST(students.num_of_prev_attempts AS INTEGER) AS previous_attempts,
  coalesce(earlier_enrolments, 0) AS earlier_enrolments,
  coalesce(earlier_withdrawals, 0) AS earlier_withdrawals
FROM enrolments
FULL JOIN students ON students.enrolment = enrolments.enrolment
LEFT JOIN others ON others.enrolment = enrolments.enrolment
UNION ALL BY NAME
SELECT
  enrolment || '/withdrawal' AS event_id,
  enrolment AS customer_id,
  'withdrawal' AS type,
  withdrawn_on::TIMESTAMP AS occurred_at,
  withdrawn AS day
FROM enrolments
WHERE is_withdrawn
UNION ALL BY NAME
SELECT
  customer_id || '/submission/' || assessment AS event_id,
  customer_id,
  'submission' AS type,
  (start + submitted)::TIMESTAMP AS occurred_at,
  assessment,
  kind,
  due - submitted AS days_early
FROM results
WHERE banked IS DISTINCT FROM true
UNION ALL BY NAME
SELECT
  customer_id || '/mark/' || assessment AS event_id,
  customer_id,
  'mark' AS type,
  CASE
    WHEN banked THEN (start + greatest(submitted, registered))::TIMESTAMP
    ELSE (start + greatest(submitted, due) + CASE kind WHEN 'TMA' THEN 14 ELSE 1 END)::TIMESTAMP
  END AS occurred_at,
  assessment,
  kind,
  score,
  banked
FROM results
LEFT JOIN (SELECT enrolment AS customer_id, registered FROM registrations) USING (customer_id)
WHERE is_marked AND kind IS DISTINCT FROM 'Exam'
UNION ALL BY NAME
SELECT
  enrolment || '/class_list/' || strftime(sunday, '%Y-%m-%d') AS event_id,
  enrolment AS customer_id,
  'class_list' AS type,
  sunday::TIMESTAMP AS occurred_at,
  calendar.day,
  tmas_due,
  tmas_due_next_28d
FROM enrolments
JOIN calendar USING (code_module, code_presentation)
WHERE registered_on <= sunday AND (withdrawn_on > sunday OR NOT is_withdrawn)
