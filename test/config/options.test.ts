import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { options } from '../../src/config/options.js'

/** Where a configuration becomes values of the parts: `config-is-read-at-the-root` of the layers. */
const root = readdirSync('src/cli')
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join('src/cli', name), 'utf8'))
  // Texts and comments read nothing.
  .map((text) => text.replace(/\/\*\*[^]*?\*\/|\/\/.*|'[^'\n]*'/g, ''))
  .join('\n')

it.each(options.map(({ path }) => path.join('.')))('%s is read by somebody', (path) => {
  const name = path.split('.').at(-1)!
  expect(root).toMatch(new RegExp(`[.{,]\\s*${name}\\b`))
})
