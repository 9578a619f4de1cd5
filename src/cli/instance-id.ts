import { stat } from 'node:fs/promises'
import { hostname } from 'node:os'

const namePartMax = 100

/**
 * The name under which a group knows a worker again: of the machine, and of the data directory's
 * place on its disk. A copy of the directory has another one.
 *
 * @example await instanceIdOf('data') // 'host-1-fe01-2a4c1'
 */
export async function instanceIdOf(directory: string): Promise<string> {
  const { dev, ino } = await stat(directory, { bigint: true })
  const host = hostname()
    .replace(/[^\w.-]/g, '_')
    .slice(-namePartMax)
  return `${host}-${dev.toString(16)}-${ino.toString(16)}`
}
