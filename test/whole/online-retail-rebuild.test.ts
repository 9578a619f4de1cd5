/** Online Retail rebuilt to a changed declaration while its events come in, and back again. */
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { outputSchemas } from '../../src/events/output-schemas.js'
import { registerOutputs } from '../../src/events/schema-ids.js'
import { customerEvents, schemaIds } from '../../examples/online-retail/schemas.gen.js'
import { Binary, type BinaryEnd, runBinary } from '../support/binary.js'
import { hasOnlineRetail, onlineRetailFile } from '../support/online-retail.js'
import { tempFolder } from '../support/temp-folder.js'
import { app } from '../examples/retail-app.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const example = join(root, 'examples/online-retail')
const linesInFile = 541_909
const linesWithoutCustomer = 135_080

/** The example with one window longer and one feature more. */
async function writeChanged(folder: string): Promise<void> {
  await cp(example, folder, { recursive: true })
  const features = await readFile(join(folder, 'features.ts'), 'utf8')
  const longer =
    "revenue_30d: revenue.over('45d'), cancellations_total: count(cancellation).ever(),"
  const changed = features.replace("revenue_30d: revenue.over('30d'),", longer)
  expect(changed).not.toBe(features)
  await writeFile(join(folder, 'features.ts'), changed)
  const columns = app.engine.columns.flatMap((column) => {
    const added = { name: 'cancellations_total', type: 'long' as const }
    return column.name === 'revenue_30d' ? [column, added] : [column]
  })
  const ids = registerOutputs(schemaIds, outputSchemas(app.name, columns))
  const generated =
    `export const customerEvents = ${JSON.stringify(customerEvents)} as const\n` +
    `export const schemaIds = ${JSON.stringify(ids)} as const\n`
  await writeFile(join(folder, 'schemas.gen.ts'), generated)
  await writeFile(join(folder, 'package.json'), '{"type":"module"}\n')
  await mkdir(join(folder, 'node_modules'))
  await symlink(root, join(folder, 'node_modules/tidemark'), 'dir')
}

describe.skipIf(!hasOnlineRetail)(`Online Retail (skipped without ${onlineRetailFile})`, () => {
  test('is rebuilt while it is loaded, and back, and every tenth customer is verified', async () => {
    const folder = await tempFolder()
    await writeChanged(join(folder, 'changed'))
    const run = (args: readonly string[]): Promise<BinaryEnd> =>
      runBinary([...args, '--data', 'data'], { cwd: folder })
    const verified = async (): Promise<void> => {
      const { stdout } = await run(['verify', '--sample', '10', '--json'])
      expect(JSON.parse(stdout)).toMatchObject({ ok: true, mismatches: 0, missing: 0 })
    }
    const source = ['--from', join(root, onlineRetailFile), '--sql', join(example, 'events.sql')]
    // A year in about three minutes.
    const pace = ['--speed', '200000x', '--port', '0', '--json']
    const flags = ['start', '--app', example, '--data', 'data', ...source, ...pace]
    const owner = new Binary(flags, { cwd: folder })
    onTestFinished(() => owner.kill('SIGKILL'))
    const url = await owner.serving()
    const committed = async (): Promise<number> => {
      const status = (await (await fetch(`${url}/v1/status`)).json()) as {
        partitions: { endOffset: number }[]
      }
      return status.partitions[0].endOffset
    }
    const reaches = async (offset: number): Promise<void> => {
      await expect
        .poll(committed, { interval: 200, timeout: 600_000 })
        .toBeGreaterThanOrEqual(offset)
    }
    await reaches(20_000)
    const rebuilt = await run(['rebuild', '--app', 'changed', '--json'])
    expect(rebuilt).toMatchObject({ exit: 0 })
    expect(JSON.parse(rebuilt.stdout)).toMatchObject({ generation: 2, inForce: true })
    await verified()
    const back = await run(['rebuild', '--back', '--json'])
    expect(back).toMatchObject({ exit: 0 })
    expect(JSON.parse(back.stdout)).toMatchObject({ generation: 1, inForce: true })
    // The rejects of the load itself never come to the engine.
    await reaches(linesInFile - linesWithoutCustomer)
    owner.kill('SIGTERM')
    const end = await owner.ended
    expect(end).toMatchObject({ exit: 0 })
    const { records } = JSON.parse(end.stdout.trim().split('\n').at(-1)!) as { records: number }
    expect(records).toBe(linesInFile - linesWithoutCustomer)
    await verified()
  }, 1_500_000)
})
