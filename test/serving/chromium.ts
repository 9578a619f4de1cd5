import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../../scripts/ensure-chromium.sh', import.meta.url))

/** Where Chromium is, installed by our own script if need be; null where there is no way. */
export function findChromium(): { path: string | null; why: string } {
  const run = spawnSync(script, { encoding: 'utf8', timeout: 300_000 })
  if (run.status === 0) return { path: run.stdout.trim(), why: '' }
  return { path: null, why: run.stderr.trim().split('\n').at(-1) ?? 'the script did not run' }
}

export const CHROMIUM_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
