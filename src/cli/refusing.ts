/** A worker that cannot open the generation asked for tells whoever asks, who may be elsewhere. */
import { hostname } from 'node:os'
import { exitCode, TidemarkError } from '../errors.js'
import type { Refusal } from './generations-topic.js'

/** Where refusals are told. */
export interface RefusalList {
  refuse(number: number, refusal: Refusal): Promise<void>
}

/** Opens a generation; where no second try would help, that is told before it is raised. */
export async function openOrRefuse<T>(
  list: RefusalList,
  number: number,
  open: () => Promise<T>,
  note: (text: string) => void,
): Promise<T> {
  try {
    return await open()
  } catch (error) {
    const refusal = refusalOf(error)
    // The error itself matters more than who else hears of it.
    await (refusal && list.refuse(number, refusal))?.catch((failure: unknown) =>
      note(`nobody else is told why generation ${number} is refused: ${String(failure)}`),
    )
    throw error
  }
}

/** null: it may succeed later. */
function refusalOf(error: unknown): Refusal | null {
  const host = hostname()
  if (error instanceof TidemarkError) {
    const { code, message: text, exit, retry } = error
    return retry === 'never' ? { code, text, exit, host } : null
  }
  const { code, message: text } = error as NodeJS.ErrnoException
  const exit = code === undefined ? exitCode.bug : exitCode.io
  return { code: 'GENERATION_REFUSED', text, exit, host }
}

/** What whoever asked ends with. */
export function refused(number: number, { code, text, exit, host }: Refusal): TidemarkError {
  const who = `the worker on ${host} does not switch to generation ${number}`
  const advice = 'It stays asked for: mend that, or take it back by tidemark rebuild --back'
  return new TidemarkError(code, `${who}: ${text}. ${advice}`, { exit })
}
