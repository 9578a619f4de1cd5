import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url))

/** The command as everybody runs it. Throws where nothing has been built. */
export function commandPath(): string {
  if (!existsSync(main)) throw new Error('dist/ is missing; run `npm run build` first')
  return main
}
