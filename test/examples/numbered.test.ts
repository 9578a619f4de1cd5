/** The numbered examples print what their headers say. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, onTestFinished, test, vi } from 'vitest'

const names = readdirSync('examples').filter((name) => /^\d\d-.*\.ts$/.test(name))

test('the examples are numbered from 01 without a gap', () => {
  expect(names.map((name) => Number(name.slice(0, 2)))).toEqual(names.map((_, i) => i + 1))
  expect(names.length).toBeGreaterThan(5)
})

test.each(names)('%s prints what its header says', { timeout: 60_000 }, async (name) => {
  const [, header] = /^\/\*\*([^]*?)\*\//.exec(readFileSync(`examples/${name}`, 'utf8'))!
  expect(header).toContain(`npx tsx examples/${name}`)
  const due = [...header.matchAll(/^ \*   (.*)$/gm)].map(([, line]) => line)
  const lines: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...parts: unknown[]) => {
    lines.push(parts.map(String).join(' '))
  })
  onTestFinished(() => log.mockRestore())
  await import(`../../examples/${name.replace('.ts', '')}.ts`)
  expect(lines).toEqual(due)
})
