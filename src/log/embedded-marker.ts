/**
 * The marker of a log: its id in a file beside the directory. LevelDB takes a directory without its
 * `CURRENT` file for a new database; the marker knows better.
 */
import { open, readFile, rename } from 'node:fs/promises'

const pathOf = (directory: string) => `${directory}.id`

/** The id of the log that was created here, or null. */
export async function readMarker(directory: string): Promise<string | null> {
  try {
    return (await readFile(pathOf(directory), 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

export async function writeMarker(directory: string, id: string): Promise<void> {
  const path = pathOf(directory)
  const file = await open(`${path}.new`, 'w')
  try {
    await file.writeFile(`${id}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}
