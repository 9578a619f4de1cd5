/**
 * Runs the tests and ends with their real counts on one plain line, `N passed, N failed, N skipped`.
 * The arguments go to vitest as they are: `npm test -- test/operators`.
 *
 * With `TIDEMARK_TEST_COUNTS=FILE` the line goes into FILE instead, for a caller that must print it
 * after everything that npm itself has to say. The exit code is vitest's.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

interface Report {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  testResults: { status: string; assertionResults: { status: string }[] }[]
}

interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** Counts tests; a file that failed without a failed test (it did not load) counts as one failure. */
function countsOf(report: Report, exitCode: number): Counts {
  let failed = report.numFailedTests
  for (const file of report.testResults) {
    const hasFailedTest = file.assertionResults.some((test) => test.status === 'failed')
    if (file.status === 'failed' && !hasFailedTest) failed += 1
  }
  // An error outside every test fails the run without failing a test: it must not read as "0 failed".
  if (exitCode !== 0 && failed === 0) failed = 1
  return {
    passed: report.numPassedTests,
    failed,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

function runVitest(reportPath: string): number {
  const vitest = join(root, 'node_modules', '.bin', 'vitest')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`]
  const run = spawnSync(vitest, ['run', ...reporters, ...process.argv.slice(2)], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  // A null status means that a signal ended vitest: that is never a success.
  return run.status ?? 1
}

function main(): number {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-test-'))
  try {
    const reportPath = join(folder, 'report.json')
    const exitCode = runVitest(reportPath)
    if (!existsSync(reportPath)) {
      process.stderr.write('vitest wrote no report: the tests did not run\n')
      return exitCode === 0 ? 1 : exitCode
    }
    const report = JSON.parse(readFileSync(reportPath, 'utf8')) as Report
    const { passed, failed, skipped } = countsOf(report, exitCode)
    const line = `${passed} passed, ${failed} failed, ${skipped} skipped\n`
    const countsPath = process.env['TIDEMARK_TEST_COUNTS']
    if (countsPath) writeFileSync(countsPath, line)
    else process.stdout.write(line)
    return exitCode === 0 && failed > 0 ? 1 : exitCode
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

process.exitCode = main()
