/** By what a group knows a worker again. */
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { instanceIdOf } from '../../src/cli/instance-id.js'
import { sharedFolder } from '../support/temp-folder.js'

const host = vi.hoisted(() => ({ name: 'host-1' }))
vi.mock('node:os', async (original) => ({
  ...(await original<Record<string, unknown>>()),
  hostname: () => host.name,
}))

const folder = sharedFolder()

test('a directory has one name, a copy of it another, and so has it on another machine', async () => {
  const [data, copy] = [join(folder, 'data'), join(folder, 'copy')]
  await mkdir(data)
  await cp(data, copy, { recursive: true })
  const name = await instanceIdOf(data)
  expect(name).toMatch(/^host-1-[0-9a-f]+-[0-9a-f]+$/)
  expect(await instanceIdOf(data)).toBe(name)
  expect(await instanceIdOf(copy)).not.toBe(name)
  host.name = 'host-2'
  expect(await instanceIdOf(data)).not.toBe(name)
})

test('whatever the machine is called, the brokers take the name', async () => {
  host.name = `Größe ${'x'.repeat(300)}`
  expect(await instanceIdOf(folder)).toMatch(/^[A-Za-z0-9._-]{1,249}$/)
})
