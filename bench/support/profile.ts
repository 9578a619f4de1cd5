import { mkdir, writeFile } from 'node:fs/promises'
import { Session, type Profiler } from 'node:inspector/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Runs `work`; where `BENCH_PROFILE=FOLDER` asks for it, under the CPU profiler of V8, whose
 * profile goes to the folder and whose heaviest functions (self time, main thread only) are
 * printed. Figures of such a run are a few per cent too high.
 */
export async function profiled<T>(name: string, work: () => Promise<T>): Promise<T> {
  const folder = process.env['BENCH_PROFILE']
  if (folder === undefined) return work()
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.start')
  const result = await work()
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `${name}.cpuprofile`), JSON.stringify(profile))
  console.log(`  where the main thread's time went in ${name}:`)
  for (const line of heaviest(profile, 12)) console.log(`    ${line}`)
  return result
}

function heaviest(profile: Profiler.Profile, most: number): string[] {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const times = new Map<string, number>()
  let total = 0
  profile.samples?.forEach((id, i) => {
    const name = names.get(id) ?? '?'
    const took = profile.timeDeltas?.[i] ?? 0
    if (name === '(idle)') return
    total += took
    times.set(name, (times.get(name) ?? 0) + took)
  })
  return [...times]
    .sort(([, one], [, other]) => other - one)
    .slice(0, most)
    .map(([name, took]) => `${((took / total) * 100).toFixed(1).padStart(5)} % ${name}`)
}

function nameOf({ functionName, url, lineNumber }: Profiler.Profile['nodes'][0]['callFrame']) {
  if (url === '') return functionName
  const path = url.startsWith('file:') ? relative(root, fileURLToPath(url)) : url
  return `${functionName === '' ? '(anonymous)' : functionName} ${path}:${lineNumber + 1}`
}
