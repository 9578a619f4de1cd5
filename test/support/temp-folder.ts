/** Folders of a test's own, gone when it ends. */
import { mkdtempSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, onTestFinished } from 'vitest'

/** A new empty folder that is removed when the running test has finished. */
export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A new empty folder for all tests of a file, to be made outside of them. */
export function sharedFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-'))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  return folder
}
