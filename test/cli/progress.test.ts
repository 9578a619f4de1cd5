import { describe, expect, it } from 'vitest'
import { createLogger } from '../../src/cli/logger.js'
import { Progress, progressText, RateMeter, rateText, spanText } from '../../src/cli/progress.js'
import { statusText } from '../../src/cli/status-line.js'
import { engineStatus } from '../serving/made-up.js'
import { TestIo } from './io.js'

describe('progress', () => {
  it('is a plain line every five seconds where nobody watches', () => {
    const io = new TestIo(false)
    const progress = new Progress(io, 'replay', 'records')
    for (let second = 1; second <= 10; second++) {
      io.clock += 1_000
      progress.update(second * 1_000, 20_000)
    }
    progress.end(10_000)
    expect(io.stderr.split('\n')).toEqual([
      'replay: 5,000 of 20,000 records (25%), 1,000/s, 15 s left',
      'replay: 10,000 of 20,000 records (50%), 1,000/s, 10 s left',
      'replay: 10,000 records in 10 s, 1,000/s',
      '',
    ])
  })

  it('rewrites one line on a terminal, within its width', () => {
    const io = new TestIo(true)
    io.columns = 30
    const progress = new Progress(io, 'replay', 'records')
    io.clock += 1_000
    progress.update(500_000, 1_000_000)
    io.clock += 200
    progress.update(600_000, 1_000_000)
    progress.clear()
    expect(io.stderr).toBe('\rreplay: 500,000 of 1,000,000 \n')
  })

  it('has no time left to tell where the end is unknown', () => {
    expect(progressText('ingest', 'rows', 10, null, 2)).toBe('ingest: 10 rows, 2/s')
    expect(progressText('ingest', 'rows', 0, 0, 0)).toBe('ingest: 0 of 0 rows (100%), 0/s')
  })

  it('a rate forgets what was long ago', () => {
    const meter = new RateMeter(0, 0)
    expect(meter.add(1_000, 100)).toBe(100)
    for (let second = 2; second < 120; second++) meter.add(second * 1_000, 100)
    expect(meter.add(120_000, 100)).toBeLessThan(0.01)
  })

  it('writes rates and spans for people', () => {
    expect([rateText(0), rateText(3.25), rateText(12_345.6)]).toEqual(['0', '3.3', '12,346'])
    expect([spanText(0.2), spanText(61), spanText(3_725)]).toEqual([
      '1 s',
      '1 min 1 s',
      '1 h 2 min',
    ])
  })
})

describe('the line of start', () => {
  it('tells rates since the last look, not since the log began', () => {
    const text = statusText(0)
    text(engineStatus(), 1_000)
    const line = text(engineStatus({}, { scoresByTime: 902_651, logEndOffset: 1_204_312 }), 2_000)
    expect(line).toContain('0 events/s')
    expect(line).toMatch(/scores\/s 0 by event, [1-9]\d*(\.\d)? by time/)
    expect(line).toContain('lag 2')
    expect(line).toContain('as of 2025-03-03 14:19Z')
  })

  it('says that it opens the state, and not that nothing was ever committed', () => {
    const text = statusText(0)
    expect(text(engineStatus({ state: 'starting' }, { asOf: null }), 1_000)).toMatch(
      /opening the state$/,
    )
    expect(text(engineStatus({}, { asOf: null }), 2_000)).toMatch(/no commit yet$/)
  })

  it('tells the time left while restoring', () => {
    const text = statusText(0)
    const at = (done: number) =>
      engineStatus({ state: 'restoring' }, { restoring: { done, total: 100 } })
    text(at(0), 1_000)
    expect(text(at(10), 2_000)).toMatch(/^restore: 10 of 100 records \(10%\), .* left$/)
  })
})

describe('log lines', () => {
  it('are for people, or for a collector', () => {
    const io = new TestIo()
    createLogger(io, 'human').warn('set aside', { partition: 3 })
    expect(io.stderr).toBe('12:00:00 warning: set aside partition=3\n')
    io.stderr = ''
    createLogger(io, 'json').warn('set aside', { partition: 3 })
    expect(JSON.parse(io.stderr)).toMatchObject({ level: 40, msg: 'set aside', partition: 3 })
  })
})
