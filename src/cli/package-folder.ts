import { fileURLToPath } from 'node:url'

/** The package's own folder: two up, from `src/cli/` as from the bundle in `dist/src/`. */
export const packageFolder = fileURLToPath(new URL('../..', import.meta.url))
