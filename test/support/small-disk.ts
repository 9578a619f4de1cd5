/** A disk of a few megabytes, to be filled: a tmpfs, which only root may mount. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

function mount(folder: string, megabytes: number): boolean {
  const args = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]
  return spawnSync('mount', args).status === 0
}

/** Whether this machine lets us mount; where not, tests that need it say that they were skipped. */
export const canMount = ((): boolean => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-mount-'))
  const mounted = mount(folder, 1)
  if (mounted) spawnSync('umount', [folder])
  rmdirSync(folder)
  return mounted
})()

export interface SmallDisk {
  readonly folder: string
  /** Takes all but about `kilobytes` of the space that is left; `release` gives it back. */
  fill(freeKilobytes: number): Promise<void>
  release(): Promise<void>
}

export async function smallDisk(megabytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-disk-'))
  if (!mount(folder, megabytes)) throw new Error('mount failed, though it did before')
  onTestFinished(async () => {
    spawnSync('umount', ['-l', folder])
    await rm(folder, { recursive: true, force: true })
  })
  const filler = join(folder, 'filler')
  return {
    folder,
    fill: async (freeKilobytes) => {
      const { stdout } = spawnSync('df', ['--output=avail', '-k', folder], { encoding: 'utf8' })
      const available = Number(stdout.split('\n')[1])
      await writeFile(filler, Buffer.alloc((available - freeKilobytes) * 1024))
    },
    release: () => rm(filler, { force: true }),
  }
}
