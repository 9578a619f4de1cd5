import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { featureSet } from '../../examples/oulad/features.js'
import { customerEvents } from '../../examples/oulad/schemas.gen.js'
import { isReject, type EventBody } from '../../src/events/event.js'
import { outputSchemas } from '../../src/events/output-schemas.js'
import { schemaFiles, staleFiles } from '../../src/events/schema-gen.js'
import { ingestSql } from '../../src/ingest/ingest.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { recordsOf } from './example-log.js'
import { app } from './oulad-app.js'

const folder = 'examples/oulad'
const sql = readFileSync(join(folder, 'events.sql'), 'utf8')
const temporary = mkdtempSync(join(tmpdir(), 'tidemark-oulad-'))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

/** One student in two presentations; the second begins on 1 October 2013 and has 60 days. */
const tables = {
  assessment: [
    'code_module,code_presentation,id_assessment,assessment_type,date,weight',
    'AAA,2013J,1,TMA,19,50',
    'AAA,2013J,2,CMA,30,50',
    'AAA,2013J,3,Exam,,100',
    'AAA,2013J,4,TMA,40,0',
  ],
  course: [
    'code_module,code_presentation,module_presentation_length',
    'AAA,2013J,60',
    'BBB,2013B,240',
  ],
  student: [
    'code_module,code_presentation,id_student,gender,region,highest_education,imd_band,age_band,num_of_prev_attempts,studied_credits,disability,final_result',
    'BBB,2013B,7,M,Wales,A Level or Equivalent,,0-35,0,60,N,Withdrawn',
    'AAA,2013J,7,M,Wales,A Level or Equivalent,10-20,0-35,1,60,N,Withdrawn',
  ],
  student_assessment: [
    'id_assessment,id_student,date_submitted,is_banked,score',
    '1,7,21,0,71',
    '2,7,10,0,64',
    '3,7,50,0,90',
    '4,7,-1,1,55',
  ],
  student_registration: [
    'code_module,code_presentation,id_student,date_registration,date_unregistration',
    'BBB,2013B,7,-20,12',
    'AAA,2013J,7,3,41',
  ],
} as const

type Lines = Readonly<Record<string, readonly string[]>>

const envelope = new Set(['event_id', 'customer_id', 'occurred_at', 'source'])

/** The events that an ingest makes of tables, in the order of the log. */
async function load(given: Lines) {
  const files = Object.entries(given).map(([name, lines]) => {
    const file = join(temporary, `${name}.csv`)
    writeFileSync(file, `${lines.join('\n')}\n`)
    return file
  })
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  const { rejects } = await ingestSql({ app, log, sql, files })
  const events: EventBody[] = []
  for await (const { value } of recordsOf(log, 'oulad.events')) {
    const decoded = app.codec.decode(value!)
    if (isReject(decoded)) throw new Error(decoded.reason)
    events.push(decoded.body)
  }
  const codes = Object.fromEntries(
    Object.entries(rejects).map(([code, { count }]) => [code, count]),
  )
  return { events, codes }
}

describe('the Open University example', () => {
  test('its generated files say what its schemas and features say', () => {
    const { name, features } = featureSet.spec
    const paths = { schemas: join(folder, 'schemas'), generated: join(folder, 'schemas.gen.ts') }
    const files = schemaFiles({ ...paths, importFrom: 'tidemark' }, outputSchemas(name, features))
    expect(staleFiles(files)).toEqual([])
    expect(customerEvents).toEqual(files.events)
  })

  test('tells of an enrolment what was known, and from which day on', async () => {
    const { events, codes } = await load(tables)
    expect(codes).toEqual({})
    const told = events
      .filter((event) => event.customer_id === 'AAA-2013J-7')
      .map((event) => {
        const own = Object.entries(event).filter(([name]) => !envelope.has(name))
        const day = new Date(event.occurred_at).toISOString().replace('T00:00:00.000Z', '')
        return [event.event_id.replace('AAA-2013J-7/', ''), day, Object.fromEntries(own)]
      })
    const earned = { banked: false }
    expect(told).toEqual([
      // The banked mark waits for the registration; nothing was handed in.
      ['mark/4', '2013-10-04', { assessment: '4', kind: 'TMA', score: 55, banked: true }],
      [
        'registration',
        '2013-10-04',
        {
          module: 'AAA',
          presentation: '2013J',
          day: 3,
          region: 'Wales',
          highest_education: 'A Level or Equivalent',
          age_band: '0-35',
          imd_band: '10-20',
          previous_attempts: 1,
          earlier_enrolments: 1,
          earlier_withdrawals: 1,
        },
      ],
      ['submission/2', '2013-10-11', { assessment: '2', kind: 'CMA', days_early: 20 }],
      ['class_list/2013-10-13', '2013-10-13', { day: 12, tmas_due: 0, tmas_due_next_28d: 2 }],
      ['submission/1', '2013-10-22', { assessment: '1', kind: 'TMA', days_early: -2 }],
      // A computer's mark: the day after the due day. A tutor's: 14 days after a late submission.
      ['mark/2', '2013-11-01', { assessment: '2', kind: 'CMA', score: 64, ...earned }],
      ['mark/1', '2013-11-05', { assessment: '1', kind: 'TMA', score: 71, ...earned }],
      ['class_list/2013-11-10', '2013-11-10', { day: 40, tmas_due: 2, tmas_due_next_28d: 0 }],
      ['withdrawal', '2013-11-11', { day: 41 }],
      ['submission/3', '2013-11-20', { assessment: '3', kind: 'Exam', days_early: null }],
    ])
  })

  test('what comes later changes no earlier event', async () => {
    const at = Date.UTC(2013, 10, 4)
    const before = (events: readonly EventBody[]) =>
      events.filter(({ occurred_at: when }) => when < at)
    const other = {
      ...tables,
      student: tables.student.map((line) => line.replace('Withdrawn', 'Pass')),
      student_assessment: tables.student_assessment
        .filter((line) => !line.startsWith('3,'))
        .map((line) => line.replace('0,71', '0,5')),
      student_registration: tables.student_registration.map((line) => line.replace('3,41', '3,')),
    }
    const left = await load(tables)
    const stayed = await load(other)
    expect(before(stayed.events)).toEqual(before(left.events))
    expect(stayed.events).not.toEqual(left.events)
  })

  test('a question mark is a missing value, and quotes are none of a value', async () => {
    const given = Object.entries(tables).map(([name, lines]) => [
      name,
      lines.map((line) => line.replace(/(?<=,)(?=,|$)/g, '?').replace(/[^,?]+/g, '"$&"')),
    ])
    expect(await load(Object.fromEntries(given) as Lines)).toEqual(await load(tables))
  })

  test('who withdraws on the day of a list is not on it', async () => {
    const student_registration = tables.student_registration.map((line) =>
      line.replace('3,41', '3,40'),
    )
    const { events } = await load({ ...tables, student_registration })
    const ids = events.map((event) => event.event_id)
    expect(ids).toContain('AAA-2013J-7/class_list/2013-10-13')
    expect(ids).not.toContain('AAA-2013J-7/class_list/2013-11-10')
  })

  test('an enrolment without a day of registration is a reject, and on no list', async () => {
    const student_registration = tables.student_registration.map((line) =>
      line.replace('7,3,', '7,,'),
    )
    const { events, codes } = await load({ ...tables, student_registration })
    expect(codes).toEqual({ TIMESTAMP_RANGE: 1 })
    const ids = events
      .filter((event) => event.customer_id === 'AAA-2013J-7')
      .map((event) => event.event_id.replace('AAA-2013J-7/', ''))
    const due = ['mark/4', 'submission/2', 'submission/1', 'mark/2', 'mark/1', 'withdrawal']
    expect(ids).toEqual([...due, 'submission/3'])
  })

  test.each([
    ['a result of no assessment', 'student_assessment', '9,7,10,0,50', { KEY_MISSING: 2 }],
    ['a result without a day', 'student_assessment', '4,8,,0,', { TIMESTAMP_RANGE: 1 }],
    ['a score that is no number', 'student_assessment', '4,8,1,0,A', { ROW_INVALID: 1 }],
    [
      'a student without an enrolment',
      'student',
      'AAA,2013J,9,M,Wales,x,,0-35,0,60,N,Fail',
      { TIMESTAMP_RANGE: 1 },
    ],
    [
      'an enrolment without a student',
      'student_registration',
      'AAA,2013J,9,1,',
      { ROW_INVALID: 1 },
    ],
    [
      'a presentation of no course',
      'student_registration',
      'CCC,2013J,9,1,',
      { TIMESTAMP_RANGE: 1 },
    ],
    [
      'a withdrawal on no day',
      'student_registration',
      'AAA,2013J,9,1,soon',
      { ROW_INVALID: 1, TIMESTAMP_RANGE: 1 },
    ],
  ])('%s becomes rejects', async (_, table, line, due) => {
    const given: Lines = tables
    const { codes } = await load({ ...given, [table]: [...given[table], line] })
    expect(codes).toEqual(due)
  })

  test('a file of another table is refused as a whole, and so is a table that is missing', async () => {
    const given: Lines = tables
    await expect(load({ ...given, vle: ['id_site,code_module', '1,AAA'] })).rejects.toMatchObject({
      code: 'QUERY_FAILED',
      message: expect.stringContaining('is none of the five tables'),
    })
    const { course: _, ...others } = given
    await expect(load(others)).rejects.toMatchObject({ code: 'QUERY_FAILED', exit: 78 })
  })
})
