import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { configCommand } from '../../src/cli/config.js'
import { runProgram } from '../../src/cli/program.js'
import { options } from '../../src/config/options.js'
import { sharedFolder } from '../support/temp-folder.js'
import { TestIo } from './io.js'

const folder = sharedFolder()

function run(text: string, args: readonly string[], environment: Record<string, string> = {}) {
  writeFileSync(join(folder, 'tidemark.yaml'), text)
  const io = new TestIo(false, folder)
  io.environment = environment
  const exit = runProgram(['config', ...args, '--config', 'tidemark.yaml'], io, [configCommand])
  return exit.then((code) => ({ code, io }))
}

const text = `
data: d
kafka:
  brokers: [a:9092]
  ssl: { ca: ca.pem, cert: ca.pem, key: ca.pem }
  sasl: { mechanism: scram-sha-512, username: u, password: hunter2 }
redis: { url: 'redis://app:hunter2@cache' }
`

describe('tidemark config', () => {
  it('prints what is in force, and no secret', async () => {
    writeFileSync(join(folder, 'ca.pem'), 'the text of hunter2')
    const { code, io } = await run(text, ['print'], { TIDEMARK_HTTP_PORT: '9999' })
    expect(code).toBe(0)
    expect(io.stdout).not.toContain('hunter2')
    expect(parse(io.stdout)).toMatchObject({
      kafka: {
        ssl: { ca: '19 bytes of a file', key: '***' },
        sasl: { mechanism: 'scram-sha-512', username: 'u', password: '***' },
        delivery: 'exactlyOnce',
      },
      redis: { url: 'redis://app:***@cache' },
      http: { port: 9999 },
    })
    const json = await run(text, ['print', '--json'])
    expect(JSON.parse(json.io.stdout)).toMatchObject({ redis: { url: 'redis://app:***@cache' } })
  })

  it('checks: 0 where the configuration is whole, 78 and every fault where it is not', async () => {
    writeFileSync(join(folder, 'ca.pem'), 'x')
    expect((await run(text, ['check'])).code).toBe(0)
    const { code, io } = await run('kafka: {}\n', ['check'])
    expect(code).toBe(78)
    expect(io.stderr).toContain('tidemark: CONFIG_INVALID: ')
    expect(io.stderr.split('\n').filter((line) => line.startsWith('  '))).toHaveLength(2)
  })

  it('wants to know of a subcommand and of a file', async () => {
    const io = new TestIo(false, folder)
    expect(await runProgram(['config', 'check'], io, [configCommand])).toBe(2)
    expect(io.stderr).toContain('FLAG_MISSING')
    expect(io.stderr).toContain('usage: tidemark config check ')
    expect(await runProgram(['config', 'chekc'], io, [configCommand])).toBe(2)
    expect(io.stderr).toContain("unknown command 'chekc'")
  })
})

describe('an option', () => {
  it('has one environment variable, which no other has', () => {
    const variables = options.map(({ variable }) => variable)
    expect(new Set(variables).size).toBe(variables.length)
    expect(variables).toContain('TIDEMARK_KAFKA_SASL_PASSWORD')
    expect(variables).toContain('TIDEMARK_SCHEMA_REGISTRY_URL')
  })
})
