import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageFolder } from '../../src/cli/package-folder.js'
import { Binary } from '../support/binary.js'

describe('a build', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-build-'))
    build()
  })
  afterAll(() => rm(folder, { recursive: true }))

  const build = (): void => {
    // Elsewhere: other tests run what is in dist/.
    const args = ['--import', 'tsx', 'scripts/build.ts', folder]
    execFileSync(process.execPath, args, { cwd: packageFolder })
  }

  test('leaves what a process may be loading alone, and removes what is old', async () => {
    const list = join(folder, '.built')
    const names = readdirSync(folder).filter((name) => name !== '.built')
    const built = names.map((name) => join(folder, name))
    const before = built.map((path) => statSync(path).ino)
    const made = ['chunk-FRESH.js', 'chunk-OLD.js', 'chunk-LAST.js']
    const [fresh, old, last] = made.map((name) => join(folder, name))
    for (const path of [fresh, old, last]) await writeFile(path, '')
    for (const path of [old, last]) await utimes(path, 0, 0)
    // Of a build long ago that nothing has replaced until now.
    await writeFile(list, `chunk-LAST.js\n${readFileSync(list, 'utf8')}`)
    build()
    expect(built.map((path) => statSync(path).ino)).toEqual(before)
    const kept = made.filter((name) => readdirSync(folder).includes(name))
    expect(kept).toEqual(['chunk-FRESH.js', 'chunk-LAST.js'])
  })

  test('makes the binary a program', () => {
    expect(statSync(join(folder, 'main.js')).mode & 0o100).toBe(0o100)
  })

  test('has the licenses of what is bundled beside it', () => {
    const licenses = readFileSync(join(folder, 'third-party-licenses.txt'), 'utf8')
    // The last one is part of a package that comes as a bundle itself.
    for (const name of ['rxjs', 'kafkajs', 'fastify', 'agent-base', 'brace-expansion']) {
      expect(licenses).toMatch(new RegExp(`^${name} \\d.*\\n\\n[^]*?(licen[cs]e|copyright)`, 'im'))
    }
    // Not bundled: it has its own in its package.
    expect(licenses).not.toMatch(/^onnxruntime-node /m)
  })

  test('gives the library and the binary one and the same code', () => {
    const modules = readdirSync(folder).filter((name) => name.endsWith('.js'))
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
    const defining = modules.filter((name) =>
      /\bTidemarkError = class\b|class _?TidemarkError\b/.test(read(name)),
    )
    expect(defining).toHaveLength(1)
  })
})

test('the binary loads each of its commands', async () => {
  const { exit, stdout } = await new Binary(['--help']).ended
  expect(exit).toBe(0)
  expect(stdout).toMatch(/^ {2}worker /m)
})
