import { describe, expect, it } from 'vitest'
import type { RegisterCommand } from '../../src/cli/program.js'
import { runProgram } from '../../src/cli/program.js'
import { startCommand } from '../../src/cli/start.js'
import { configurationError, ioError, TidemarkError } from '../../src/errors.js'
import { TestIo } from './io.js'

/** No composition may be reached: what is wrong on the command line is found before. */
const start = startCommand(() => Promise.reject(new Error('the composition was reached')))

/** A command that fails as it is told. */
const fails =
  (error: Error): RegisterCommand =>
  (program) =>
    void program.command('fail').action(() => {
      throw error
    })

describe('the command line itself', () => {
  const cases = [
    ['start --prot 1', 'FLAG_UNKNOWN', "unknown option '--prot'"],
    ['strat', 'COMMAND_UNKNOWN', "unknown command 'strat'"],
    ['start now', 'ARGUMENT_UNEXPECTED', 'too many arguments'],
    ['start --port', 'FLAG_VALUE_MISSING', "'--port <port>'"],
    ['start --port eighty', 'FLAG_INVALID', 'a port is a whole number from 0 to 65535'],
    ['start --port 65536', 'FLAG_INVALID', 'a port is a whole number from 0 to 65535'],
    ['start --port 8e3', 'FLAG_INVALID', 'a port is a whole number'],
    ['start --generate 0', 'FLAG_INVALID', 'above 0'],
    ['start --generate -5', 'FLAG_INVALID', 'above 0'],
    ['start --generate 1e9', 'FLAG_INVALID', 'at most 1000000'],
    ['start --generate 5 --from a.csv --sql q.sql', 'FLAGS_EXCLUSIVE', 'cannot be used with'],
    ['start --from a.csv', 'FLAG_MISSING', '--from needs --sql'],
    ['start --sql q.sql', 'FLAG_MISSING', '--sql needs --from'],
    ['start --speed 10x', 'FLAG_MISSING', '--speed needs'],
    ['start --from a.csv --sql q.sql --speed 10', 'FLAG_INVALID', 'a speed is written 1000x'],
    ['start --from a.csv --sql q.sql --speed 0x', 'FLAG_INVALID', 'a speed is written 1000x'],
    ['start --generate 5 --speed max', 'FLAGS_EXCLUSIVE', '--speed max is for --from'],
    ['start --from a.csv --sql q.sql --seed 1', 'FLAGS_EXCLUSIVE', '--seed is for --generate'],
    ['start --seed 4294967296', 'FLAG_INVALID', 'a seed is a whole number'],
    ['start --log-format xml', 'FLAG_INVALID', 'Allowed choices are human, json'],
    ['start --data=', 'FLAG_INVALID', 'a directory must not be empty'],
  ]

  it.each(cases)('tidemark %s: exit 2, %s', async (line, code, text) => {
    const io = new TestIo()
    expect(await runProgram(line.split(' '), io, [start])).toBe(2)
    expect(io.stderr).toContain(`tidemark: ${code}: `)
    expect(io.stderr).toContain(text)
    expect(io.stderr).toMatch(/\nusage: tidemark .*\n$/)
    expect(io.stderr.split('\n')).toHaveLength(3)
    expect(io.stdout).toBe('')
  })

  it('--help and --version go to stdout and are a success', async () => {
    for (const [line, text] of [
      ['--help', 'start'],
      ['start --help', '--generate <rate>'],
      ['--version', '0.'],
    ]) {
      const io = new TestIo()
      expect(await runProgram(line.split(' '), io, [start])).toBe(0)
      expect(io.stdout).toContain(text)
      expect(io.stderr).toBe('')
    }
  })

  it('nothing at all shows what there is, and is not a success', async () => {
    const io = new TestIo()
    expect(await runProgram([], io, [start])).toBe(2)
    expect(io.stderr).toContain('Commands:')
  })
})

describe('a failure', () => {
  it.each([
    [configurationError('DIRECTORY_LOCKED', 'it is locked by pid 7'), 78],
    [ioError('PORT_IN_USE', 'port 1 is taken'), 74],
    [new TidemarkError('MISMATCH', 'row 7 differs', { exit: 1 }), 1],
    [new TidemarkError('BUSY', 'not now', { exit: 75, retry: 'later' }), 75],
  ])('of ours is one sentence: %s', async (error, exit) => {
    const io = new TestIo()
    expect(await runProgram(['fail'], io, [fails(error)])).toBe(exit)
    expect(io.stderr).toBe(`tidemark: ${error.code}: ${error.message}\n`)
  })

  it('of the disk is exit 74, however deep it is wrapped', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', path: '/d/x' })
    const io = new TestIo()
    const wrapped = new Error('IO error', { cause: full })
    expect(await runProgram(['fail'], io, [fails(wrapped)])).toBe(74)
    expect(io.stderr).toBe('tidemark: DISK_FULL: the disk is full (/d/x)\n')
  })

  it('that nobody expected shows its stack and is exit 1', async () => {
    const io = new TestIo()
    expect(await runProgram(['fail'], io, [fails(new TypeError('x is undefined'))])).toBe(1)
    expect(io.stderr).toMatch(/UNEXPECTED[^]*TypeError: x is undefined\n\s+at /)
  })
})
