/** Reading commands beside a process that has the directory open, and when it has stopped. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Binary, runBinary } from '../support/binary.js'
import { tempFolder } from '../support/temp-folder.js'

const sql = `SELECT 'e' || i AS event_id, CASE WHEN i % 100 <> 99 THEN 'c' || i % 3 END AS customer_id,
  'session' AS type, TIMESTAMP '2025-01-01' + INTERVAL (i) HOUR AS occurred_at,
  CASE WHEN i % 250 = 1 THEN 1e6 ELSE i END AS duration_seconds, 'tv' AS device
  FROM range(1000) AS r(i), read_csv(\${files})`

const lines = [
  'history c1 --json',
  'history c1 --limit 3',
  'explain c1 --json',
  'explain c1 --as-of 2025-01-20',
  'rejects list --json',
  'rejects show 0:0',
  'models list --json',
  'models show churn-demo/1',
]

interface Row {
  /** None before his first row. */
  readonly coordinates?: { readonly endOffset: number }
}

async function answers(cwd: string): Promise<Record<string, string>> {
  const told: Record<string, string> = {}
  for (const line of lines) {
    const { exit, stdout, stderr } = await runBinary([...line.split(' '), '--data', 'data'], {
      cwd,
    })
    expect({ line, exit, stderr }).toEqual({ line, exit: 0, stderr: '' })
    told[line] = stdout
  }
  return told
}

test(
  'beside a running start they tell what they tell when it has stopped, or was killed',
  { timeout: 400_000 },
  async () => {
    const cwd = await tempFolder()
    await writeFile(join(cwd, 'events.csv'), 'x\n1\n')
    await writeFile(join(cwd, 'events.sql'), sql)
    const load = ['ingest', '--data', 'data', '--sql', 'events.sql', '--from', 'events.csv']
    expect(await runBinary(load, { cwd })).toMatchObject({ exit: 0 })
    const start = ['start', '--data', 'data', '--port', '0', '--json']
    const owner = new Binary(start, { cwd })
    onTestFinished(() => owner.kill('SIGKILL'))
    const url = await owner.serving()
    const reached = async () => {
      const row = (await (await fetch(`${url}/v1/customers/c1`)).json()) as Row
      return row.coordinates?.endOffset
    }
    await expect.poll(reached, { interval: 50, timeout: 200_000 }).toBe(990)

    const beside = await answers(cwd)
    const lookedUp = await (await fetch(`${url}/v1/customers/c1/history`)).json()
    expect(JSON.parse(beside['history c1 --json'])).toEqual(lookedUp)
    const { features, score } = (await (await fetch(`${url}/v1/customers/c1`)).json()) as {
      features: Record<string, unknown>
      score: { probability: number }
    }
    const explained = JSON.parse(beside['explain c1 --json']) as {
      features: { name: string; value: unknown }[]
      score: { probability: number }
    }
    expect(Object.fromEntries(explained.features.map(({ name, value }) => [name, value]))).toEqual(
      features,
    )
    expect(explained.score.probability).toBe(score.probability)
    const nobody = await runBinary(['history', 'nobody', '--data', 'data'], { cwd })
    expect(nobody).toMatchObject({ exit: 74, stdout: '' })
    expect(nobody.stderr).toMatch(/^tidemark: CUSTOMER_NOT_FOUND: /)

    owner.kill('SIGKILL')
    await owner.ended
    expect(await answers(cwd)).toEqual(beside)
    const again = new Binary([...start, '--exit-when-done'], { cwd })
    expect(await again.ended).toMatchObject({ exit: 0 })
    expect(await answers(cwd)).toEqual(beside)
  },
)

test(
  'an owner that dies in the middle of a history ends the command with 75',
  { timeout: 200_000 },
  async () => {
    const cwd = await tempFolder()
    const flags = ['--data', 'data', '--generate', '1', '--port', '0', '--json']
    const dying = { FAILPOINT: 'shared.before-answer:kill:1' }
    const owner = new Binary(['start', ...flags], { cwd, env: dying })
    onTestFinished(() => owner.kill('SIGKILL'))
    await owner.serving()
    const lost = await runBinary(['history', 'c0000001', '--data', 'data'], { cwd })
    expect(lost.stderr).toMatch(/^tidemark: OWNER_LOST: /)
    expect(lost).toMatchObject({ exit: 75, stdout: '' })
  },
)
