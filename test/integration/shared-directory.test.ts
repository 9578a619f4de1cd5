/** Commands that read a data directory beside the process that has it open. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Binary, runBinary } from '../support/binary.js'
import { sharedKills } from '../support/kill/kills.js'
import { metric } from '../support/metric.js'
import { tempFolder } from '../support/temp-folder.js'

const patience = { timeout: 400_000 }
const cutoffs = ['--cutoffs', '2025-02-01..2025-03-01/7d', '--json']

interface Served {
  readonly folder: string
  readonly owner: Binary
  readonly url: string
}

/** A made-up business that runs, with something committed. */
async function running(env: Record<string, string> = {}): Promise<Served> {
  const folder = await tempFolder()
  const flags = ['--data', 'data', '--generate', '1', '--port', '0', '--json']
  const owner = new Binary(['start', ...flags], { cwd: folder, env })
  onTestFinished(() => owner.kill('SIGKILL'))
  return { folder, owner, url: await owner.serving() }
}

const commits = (url: string): Promise<number> => metric(url, 'tidemark_commits_total')

async function committed(url: string, least: number): Promise<void> {
  await expect
    .poll(() => commits(url), { interval: 50, timeout: 200_000 })
    .toBeGreaterThanOrEqual(least)
}

test(
  'verify and replay beside a running start give what they give when it has stopped',
  patience,
  async () => {
    const { folder, owner, url } = await running()
    const cwd = { cwd: folder }
    await committed(url, 5)
    const before = await commits(url)
    const verified = await runBinary(['verify', '--data', 'data', '--json'], cwd)
    expect(verified).toMatchObject({ exit: 0 })
    const report = JSON.parse(verified.stdout) as Record<string, number>
    expect(report).toMatchObject({ ok: true, mismatches: 0, missing: 0 })
    expect(report['commits']).toBeGreaterThanOrEqual(before)

    const live = ['replay', '--data', 'data', ...cutoffs, '--out', 'live.parquet']
    const replayed = await runBinary(live, cwd)
    expect(replayed).toMatchObject({ exit: 0 })
    const { endOffsets } = JSON.parse(replayed.stdout) as { endOffsets: number[] }
    await committed(url, before + 1)

    const refused = await runBinary(['start', '--data', 'data', '--port', '0'], cwd)
    expect(refused.exit).toBe(78)
    expect(refused.stderr).toContain('DIRECTORY_LOCKED')
    owner.kill('SIGTERM')
    expect(await owner.ended).toMatchObject({ exit: 0 })

    const again = await runBinary(
      [...live.slice(0, -1), 'later.parquet', '--until', endOffsets.join(',')],
      cwd,
    )
    expect(again).toMatchObject({ exit: 0, stdout: replayed.stdout })
    const [first, second] = await Promise.all(
      ['live', 'later'].map((name) => readFile(join(folder, `${name}.parquet`))),
    )
    expect(second.equals(first)).toBe(true)
    const whole = await runBinary(['verify', '--data', 'data', '--json'], cwd)
    expect(JSON.parse(whole.stdout)).toMatchObject({ ok: true, mismatches: 0, missing: 0 })
  },
)

test(
  'an owner that is killed in the middle of an answer ends the command with 75',
  patience,
  async () => {
    const { folder, owner, url } = await running({ FAILPOINT: `${sharedKills.owner}:kill:7` })
    await committed(url, 3)
    const verified = await runBinary(['verify', '--data', 'data'], { cwd: folder })
    expect(verified.stderr).toMatch(/^tidemark: OWNER_LOST: /m)
    expect(verified).toMatchObject({ exit: 75, stdout: '' })
    expect(await owner.ended).toMatchObject({ signal: 'SIGKILL' })
    // Its socket is left; the directory belongs to who comes next.
    const again = await runBinary(['verify', '--data', 'data'], { cwd: folder })
    expect(again).toMatchObject({ exit: 0 })
  },
)

test('a command that is told to stop leaves its owner alone', patience, async () => {
  const { folder, owner, url } = await running()
  await committed(url, 3)
  const args = ['replay', '--data', 'data', ...cutoffs, '--out', 'rows.parquet']
  const command = new Binary(args, {
    cwd: folder,
    env: { FAILPOINT: `${sharedKills.reader}:stop:9` },
  })
  await expect.poll(() => stateOf(command.pid), { interval: 10, timeout: 100_000 }).toBe('T')
  command.kill('SIGTERM')
  command.kill('SIGCONT')
  expect(await command.ended).toMatchObject({ exit: 75, stdout: '' })
  const before = await commits(url)
  await committed(url, before + 1)
  owner.kill('SIGTERM')
  expect(await owner.ended).toMatchObject({ exit: 0 })
})

async function stateOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2)[0]
}
