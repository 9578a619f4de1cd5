import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageFolder } from '../../src/cli/package-folder.js'

const built = join(packageFolder, 'dist', 'src')

test('a build that changes nothing leaves what a process may be loading alone', () => {
  const before = statSync(join(built, 'main.js'))
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageFolder })
  const after = statSync(join(built, 'main.js'))
  expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs])
  // The binary runs as a program of its own.
  expect(after.mode & 0o111).toBe(0o111)
})

test('the licenses of what is bundled lie beside it', () => {
  const licenses = readFileSync(join(built, 'third-party-licenses.txt'), 'utf8')
  for (const name of ['rxjs', 'kafkajs', 'fastify', '@confluentinc/schemaregistry']) {
    expect(licenses).toMatch(new RegExp(`^${name} \\d.*\\n\\n.*licen[cs]e`, 'im'))
  }
  // Not bundled: it has its own in its package.
  expect(licenses).not.toMatch(/^onnxruntime-node /m)
})

test('the library and the binary have one and the same code', async () => {
  const { TidemarkError } = (await import(join(built, 'index.js'))) as Record<string, unknown>
  expect(TidemarkError).toBeTypeOf('function')
  const chunks = (name: string) =>
    new Set(readFileSync(join(built, name), 'utf8').match(/chunk-[A-Z0-9]+\.js/g))
  expect([...chunks('index.js')].filter((one) => chunks('main.js').has(one))).not.toEqual([])
})
