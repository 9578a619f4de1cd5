/**
 * Copies what tsc leaves behind: every file under src/ that is not TypeScript
 * (the web page, for one) goes to the same place under dist/src/.
 */
import { cpSync, existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const source = join(root, 'src')

function isAsset(path: string): boolean {
  // Folders must pass, or their content is never looked at.
  return statSync(path).isDirectory() || !/\.(ts|md)$/.test(path)
}

if (existsSync(source)) {
  cpSync(source, join(root, 'dist', 'src'), { recursive: true, filter: isAsset })
}
