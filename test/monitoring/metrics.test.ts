import { expect, it } from 'vitest'
import { createMetrics } from '../../src/monitoring/metrics.js'
import { ScoreBoard } from '../../src/monitoring/score-board.js'
import { engineStatus, NOW } from '../serving/made-up.js'

it('every scrape shows the engine as it is then, in base units', async () => {
  let accepted = 10
  const board = new ScoreBoard()
  const status = () => engineStatus({}, { accepted, asOf: NOW - 5_000, logEndOffset: 1_204_330 })
  const metrics = createMetrics({ status }, board)
  metrics.observeCommit(0, 0.004)
  const row = {
    customer: 'someone',
    cause: 'time',
    asOf: 1,
    risk: 'high',
    commit: 1,
    partition: 0,
    endOffset: 9,
  } as const
  board.observe([{ ...row, probability: 0.8 }])
  accepted = 12
  const text = await metrics.render()
  for (const line of [
    'tidemark_events_total{outcome="accepted",partition="0"} 12',
    'tidemark_rejects_total{code="FIELD_RANGE",partition="0"} 812',
    'tidemark_commits_total{partition="0"} 48211',
    'tidemark_lag_records{partition="0"} 20',
    'tidemark_lag_seconds{partition="0"} 5',
    'tidemark_scores_total{cause="time",risk="high"} 1',
    'tidemark_restore_remaining_records{partition="0"} 0',
    'tidemark_engine_state{state="running"} 1',
    'tidemark_commit_duration_seconds_bucket{le="0.005",partition="0"} 1',
  ]) {
    expect(sorted(text)).toContain(line)
  }
  expect(text).toContain('tidemark_nodejs_eventloop_lag_p99_seconds')
  expect(text).not.toContain('someone')
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1])
  expect(names.every((name) => name.startsWith('tidemark_'))).toBe(true)
  // A second scrape adds nothing up.
  expect(sorted(await metrics.render())).toContain(
    'tidemark_events_total{outcome="accepted",partition="0"} 12',
  )
})

it('a historic log has no lag in time, rather than a wrong one', async () => {
  const status = () => engineStatus({ timeBase: { kind: 'none' }, now: null })
  const text = await createMetrics({ status }, new ScoreBoard()).render()
  expect(text).not.toMatch(/^tidemark_lag_seconds\{/m)
})

it('servers beside the log are told where a process uses them, and only there', async () => {
  const board = new ScoreBoard()
  const status = () => engineStatus()
  const alone = await createMetrics({ status }, board).render()
  expect(alone).not.toContain('tidemark_snapshots_')
  expect(alone).not.toContain('tidemark_schema_registry_')
  let failure: string | null = 'REDIS_UNAVAILABLE'
  const metrics = createMetrics({ status }, board, {
    snapshots: () => ({ failure, waitingRows: 7, waitingBytes: 900, behind: [2] }),
    registry: () => ({ failure: null, schemas: 6 }),
  })
  const text = await metrics.render()
  for (const line of [
    'tidemark_snapshots_failing{code="REDIS_UNAVAILABLE"} 1',
    'tidemark_snapshots_waiting_rows 7',
    'tidemark_snapshots_waiting_bytes 900',
    'tidemark_snapshots_behind{partition="2"} 1',
    'tidemark_schema_registry_schemas 6',
  ]) {
    expect(text).toContain(line)
  }
  expect(text).not.toMatch(/^tidemark_schema_registry_failing\{/m)
  failure = null
  expect(await metrics.render()).not.toMatch(/^tidemark_snapshots_failing\{/m)
})

/** Labels in alphabetical order, so that a test does not depend on the order of ours. */
function sorted(text: string): string {
  return text.replace(/\{([^}]*)\}/g, (_, labels: string) => `{${labels.split(',').sort().join()}}`)
}
