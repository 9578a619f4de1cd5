/**
 * Checks the import layers of src/ and that the pure layers are pure.
 *
 * dependency-cruiser answers "no violations" also when it understood no file at all (a TypeScript
 * version it does not know is enough), so a run that saw no module is a failure here.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

interface CruiseResult {
  modules: { source: string }[]
  summary: {
    violations: { from: string; to: string; rule: { name: string }; cycle?: { name: string }[] }[]
  }
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Folders whose output may depend on their input only: replay would give other bytes otherwise. */
const PURE_FOLDERS = ['src/events', 'src/features', 'src/operators']
const IMPURE =
  /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bMath\.random\(|\brandomUUID\(|\brandomBytes\(|\bprocess\.(env|hrtime)\b/

function cruise(): CruiseResult {
  const run = spawnSync(
    join(root, 'node_modules', '.bin', 'depcruise'),
    ['src', '--config', '.dependency-cruiser.cjs', '--output-type', 'json'],
    { cwd: root, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 },
  )
  if (!run.stdout) throw new Error(`dependency-cruiser did not run: ${run.stderr}`)
  return JSON.parse(run.stdout) as CruiseResult
}

function importViolations(result: CruiseResult): string[] {
  return result.summary.violations.map((violation) => {
    const cycle = violation.cycle?.map((step) => step.name).join(' -> ')
    return `${violation.rule.name}: ${violation.from} -> ${cycle ?? violation.to}`
  })
}

function impureLines(): string[] {
  const found: string[] = []
  for (const folder of PURE_FOLDERS) {
    const path = join(root, folder)
    if (!existsSync(path)) continue
    for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
      const file = join(entry.parentPath, entry.name)
      const lines = readFileSync(file, 'utf8').split('\n')
      lines.forEach((line, index) => {
        // A comment may name the clock that the code must not read.
        const code = /^\s*(\*|\/\*|\/\/)/.test(line) ? '' : line
        if (IMPURE.test(code)) {
          found.push(`pure-layers-read-no-clock: ${relative(root, file)}:${index + 1}`)
        }
      })
    }
  }
  return found
}

function main(): number {
  const result = cruise()
  const moduleCount = result.modules.filter((module) => module.source.startsWith('src/')).length
  const violations = [...importViolations(result), ...impureLines()]
  for (const violation of violations) process.stderr.write(`${violation}\n`)
  process.stdout.write(`layers: ${moduleCount} modules, ${violations.length} violations\n`)
  if (moduleCount === 0) {
    process.stderr.write('layers: no module was seen, so nothing was checked\n')
    return 1
  }
  return violations.length === 0 ? 0 : 1
}

process.exitCode = main()
