/**
 * The tables of the Open University read by plain JavaScript, and the events that they should
 * become. Shares nothing with DuckDB, `events.sql` or the ingest, which are held against it.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { NaiveRecord } from '../support/naive.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Relative to the repository's root, for the name of a skipped test. */
export const ouladFolder = '../shared/data/oulad'
export const hasOulad = existsSync(join(root, ouladFolder))

const tableNames = [
  'assessment',
  'course',
  'student',
  'student_assessment',
  'student_registration',
] as const

/** The file of a table, under the name that the README's commands have. */
export type TableName = (typeof tableNames)[number]
type Row = Readonly<Record<string, string>>
export type Tables = Readonly<Record<TableName, readonly Row[]>>

export interface DueEvents {
  /** In the order of a log: by time, then by id. */
  readonly records: readonly NaiveRecord[]
  /** Enrolments whose registration has no day. */
  readonly undated: readonly string[]
}

const dayMs = 86_400_000
const firstSunday = Date.UTC(2013, 1, 3)
const listStepMs = 28 * dayMs

/** Reads the five tables; takes some seconds. */
export function readTables(): Tables {
  const read = (name: TableName): readonly Row[] => {
    const bytes = gunzipSync(readFileSync(join(root, ouladFolder, `${name}.csv.gz`)))
    const [header, ...lines] = bytes.toString('utf8').trimEnd().split(/\r?\n/)
    const names = header.split(',')
    return lines.map((line) => rowOf(names, line))
  }
  return Object.fromEntries(tableNames.map((name) => [name, read(name)])) as unknown as Tables
}

/** Writes the rows of some modules as files that the README's commands can read. */
export function writeTables(tables: Tables, modules: readonly string[], folder: string): Tables {
  const isOf = (row: Row): boolean => modules.includes(row['code_module'])
  const numbers = new Set(tables.assessment.filter(isOf).map((row) => row['id_assessment']))
  const kept = Object.fromEntries(
    tableNames.map((name) => [
      name,
      tables[name].filter((row) =>
        name === 'student_assessment' ? numbers.has(row['id_assessment']) : isOf(row),
      ),
    ]),
  ) as unknown as Tables
  for (const name of tableNames) {
    const lines = [Object.keys(tables[name][0]), ...kept[name].map((row) => Object.values(row))]
    const text = lines.map((fields) => `${fields.join(',')}\n`).join('')
    writeFileSync(join(folder, `${name}.csv.gz`), gzipSync(text))
  }
  return kept
}

/** None of the real fields is quoted or has a comma. */
function rowOf(names: readonly string[], line: string): Row {
  const fields = line.split(',')
  if (fields.length !== names.length || line.includes('"')) throw new Error(`a line is ${line}`)
  return Object.fromEntries(names.map((name, i) => [name, fields[i]]))
}

/** What the example says must become of the tables. */
export function dueEvents(tables: Tables): DueEvents {
  const undated: string[] = []
  const students = new Map(tables.student.map((row) => [enrolmentOf(row), row]))
  const ofStudent = new Map<string, Row[]>()
  for (const row of tables.student_registration) {
    const { id_student: student } = row
    ofStudent.set(student, [...(ofStudent.get(student) ?? []), row])
  }
  const registrations = new Map(tables.student_registration.map((row) => [enrolmentOf(row), row]))
  const calendars = calendarsOf(tables)
  const events: Omit<NaiveRecord, 'offset'>[] = []

  for (const [enrolment, row] of registrations) {
    const registered = instantOf(row, row['date_registration'])
    if (registered === null) undated.push(enrolment)
    else {
      const others = ofStudent.get(row['id_student'])!.filter((other) => other !== row)
      const student = students.get(enrolment)!
      events.push(registrationOf({ enrolment, row, student, others, registered }))
    }
    const withdrawn = instantOf(row, row['date_unregistration'])
    if (withdrawn !== null) {
      const day = Number(row['date_unregistration'])
      events.push(eventOf(enrolment, 'withdrawal', '', withdrawn, { day }))
    }
    for (const { at, ...fields } of listsOf(row, registered, withdrawn, calendars)) {
      const name = `/${new Date(at).toISOString().slice(0, 10)}`
      events.push(eventOf(enrolment, 'class_list', name, at, fields))
    }
  }
  const assessments = new Map(tables.assessment.map((row) => [row['id_assessment'], row]))
  for (const row of tables.student_assessment) {
    const assessment = assessments.get(row['id_assessment'])!
    const enrolment = enrolmentOf({ ...assessment, id_student: row['id_student'] })
    events.push(...resultsOf(row, assessment, registrations.get(enrolment)!))
  }
  events.sort((a, b) => a.loggedAt - b.loggedAt || (a.body.event_id < b.body.event_id ? -1 : 1))
  return { records: events.map((event, offset) => ({ ...event, offset })), undated }
}

const enrolmentOf = (row: Row): string =>
  `${row['code_module']}-${row['code_presentation']}-${row['id_student']}`

function startOf({ code_presentation: presentation }: Row): number {
  const month = { B: 1, J: 9 }[presentation.slice(4)]!
  return Date.UTC(Number(presentation.slice(0, 4)), month, 1)
}

/** The beginning of a day of a presentation, ms UTC; null without a day. */
const instantOf = (row: Row, day: string): number | null =>
  day === '' ? null : startOf(row) + Number(day) * dayMs

function eventOf(
  enrolment: string,
  type: string,
  name: string,
  at: number,
  fields: object,
): Omit<NaiveRecord, 'offset'> {
  const envelope = { event_id: `${enrolment}/${type}${name}`, customer_id: enrolment }
  const body = { ...envelope, occurred_at: at, source: null, ...fields }
  return { partition: 0, loggedAt: at, type, body }
}

interface Registration {
  readonly enrolment: string
  readonly row: Row
  readonly student: Row
  /** The same student's other enrolments. */
  readonly others: readonly Row[]
  readonly registered: number
}

function registrationOf({ enrolment, row, student, others, registered }: Registration) {
  const earlier = (column: string): number =>
    others.filter((other) => (instantOf(other, other[column]) ?? Infinity) < registered).length
  return eventOf(enrolment, 'registration', '', registered, {
    module: row['code_module'],
    presentation: row['code_presentation'],
    day: Number(row['date_registration']),
    region: student['region'],
    highest_education: student['highest_education'],
    age_band: student['age_band'],
    imd_band: student['imd_band'] === '' ? null : student['imd_band'],
    previous_attempts: Number(student['num_of_prev_attempts']),
    earlier_enrolments: earlier('date_registration'),
    earlier_withdrawals: earlier('date_unregistration'),
  })
}

interface Calendar {
  readonly end: number
  /** When each tutor-marked assessment is due, ms UTC. */
  readonly due: readonly number[]
}
type Calendars = ReadonlyMap<string, Calendar>

const presentationOf = (row: Row): string => `${row['code_module']}-${row['code_presentation']}`

function calendarsOf({ course, assessment }: Tables): Calendars {
  return new Map(
    course.map((row) => {
      const of = assessment.filter((other) => presentationOf(other) === presentationOf(row))
      const tmas = of.filter((other) => other['assessment_type'] === 'TMA')
      const due = tmas.map((other) => instantOf(other, other['date'])!)
      const end = instantOf(row, row['module_presentation_length'])!
      return [presentationOf(row), { end, due }]
    }),
  )
}

function listsOf(
  row: Row,
  registered: number | null,
  withdrawn: number | null,
  calendars: Calendars,
) {
  if (registered === null) return []
  const start = startOf(row)
  const { end, due } = calendars.get(presentationOf(row))!
  const until = Math.min(end, withdrawn ?? Infinity)
  const lists = []
  for (let at = firstSunday; at < until; at += listStepMs) {
    if (at < start || at < registered) continue
    lists.push({
      at,
      day: (at - start) / dayMs,
      tmas_due: due.filter((on) => on <= at).length,
      tmas_due_next_28d: due.filter((on) => on > at && on <= at + listStepMs).length,
    })
  }
  return lists
}

function resultsOf(row: Row, assessment: Row, registration: Row) {
  const { id_assessment: number, assessment_type: kind, date } = assessment
  const enrolment = enrolmentOf(registration)
  const banked = row['is_banked'] === '1'
  const submitted = Number(row['date_submitted'])
  const results = []
  if (!banked) {
    const fields = { assessment: number, kind, days_early: date === '' ? null : +date - submitted }
    const at = instantOf(assessment, row['date_submitted'])!
    results.push(eventOf(enrolment, 'submission', `/${number}`, at, fields))
  }
  if (row['score'] !== '' && kind !== 'Exam') {
    const marking = kind === 'TMA' ? 14 : 1
    const registered = registration['date_registration']
    const day = banked
      ? Math.max(submitted, registered === '' ? -Infinity : Number(registered))
      : Math.max(submitted, Number(date)) + marking
    const fields = { assessment: number, kind, score: Number(row['score']), banked }
    results.push(eventOf(enrolment, 'mark', `/${number}`, instantOf(assessment, `${day}`)!, fields))
  }
  return results
}
