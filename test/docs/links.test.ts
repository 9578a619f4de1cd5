import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { anchorsOf, linksOf, proseOf } from './markdown.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Folders with documents of ours; nothing below a dependency or an environment is. */
const folders = ['docs', 'examples', 'bench', 'trainer', 'test', 'schemas']
const foreign = /(^|\/)(node_modules|\.venv|\.pytest_cache|dist)\//

const documents = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.md') && !foreign.test(`${path}/`))
      .map((path) => join(folder, path)),
  ),
]

const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Why a link of a document leads nowhere, or null. */
function fault(document: string, target: string): string | null {
  if (/^(https?|mailto):/.test(target)) return null
  const [path, anchor] = target.split('#') as [string, string?]
  const file = path === '' ? document : relative(root, join(root, dirname(document), path))
  if (!existsSync(join(root, file))) return `${target}: there is no ${file}`
  if (anchor === undefined || anchorsOf(textOf(file)).includes(anchor)) return null
  return `${target}: ${file} has no heading of that name`
}

describe('documents', () => {
  it.each(documents)('the links of %s lead somewhere', (document) => {
    const faults = linksOf(textOf(document)).map((target) => fault(document, target))
    expect(faults.filter((text) => text !== null)).toEqual([])
  })

  it.each(documents.filter((path) => /^(docs|README)/.test(path)))(
    'the files that %s names are there',
    (document) => {
      const named = proseOf(textOf(document)).matchAll(
        /`((?:src|test|docs|scripts|bench|trainer|examples|schemas|bundles)\/[\w./-]*\w)`/g,
      )
      // Two folders have the name: of Avro schemas, and of the port that a registry is behind.
      const isThere = (path: string) =>
        ['', 'src'].some((base) => existsSync(join(root, base, path)))
      const missing = [...named].map(([, path]) => path).filter((path) => !isThere(path))
      expect(missing).toEqual([])
    },
  )

  it('every decision is listed under its number and title', () => {
    const names = readdirSync(join(root, 'docs/decisions')).filter((name) => name !== 'README.md')
    const due = names.map((name) => {
      const [, number, title] = /^# (\d{4}) (.+)\n/.exec(textOf(`docs/decisions/${name}`))!
      return { number, title, name, fits: name.startsWith(`${number}-`) }
    })
    const rows = textOf('docs/decisions/README.md').matchAll(/^\| (\d{4}) \| \[(.+)\]\((.+)\) /gm)
    const listed = [...rows].map(([, number, title, name]) => ({ number, title, name, fits: true }))
    expect(listed).toEqual(due)
  })

  it('the invariants of the tour stand in the files that it names', () => {
    const rows = textOf('docs/ARCHITECTURE.md').matchAll(/^\| `([\w/-]+\.ts)` +\| ([A-Z]): /gm)
    const listed = [...rows]
    expect(listed.length).toBeGreaterThan(20)
    const astray = listed.filter(
      ([, path, letter]) => !new RegExp(`^ \\* ${letter}1 `, 'm').test(textOf(`src/${path}`)),
    )
    expect(astray.map(([, path]) => path)).toEqual([])
  })
})
