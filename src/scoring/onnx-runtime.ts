/**
 * What computes scores here: onnxruntime's version and the kind of CPU. Its kernels are chosen by
 * the CPU's instructions, so elsewhere the last digits of a score may differ.
 */
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { env } from 'onnxruntime-node'

/** Instructions by which onnxruntime chooses its kernels. */
const instructions = ['avx2', 'fma', 'avx512f', 'avx512_vnni', 'avx_vnni', 'amx_tile', 'asimd']

/** @example 'onnxruntime 1.30.0, linux x64, GenuineIntel 6 avx2 fma avx512f' */
export const onnxRuntime = `onnxruntime ${env.versions.node}, ${process.platform} ${process.arch}, ${cpuKind()}`

function cpuKind(): string {
  const model = cpus()[0]?.model ?? 'unknown CPU'
  if (process.platform !== 'linux') return model
  try {
    const [first] = readFileSync('/proc/cpuinfo', 'utf8').split('\n\n')
    const of = (name: string): string =>
      new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(first)?.[1] ?? ''
    const has = new Set(`${of('flags')} ${of('Features')}`.split(' '))
    const kernels = instructions.filter((name) => has.has(name))
    const family = [of('vendor_id'), of('cpu family')].filter(Boolean).join(' ')
    return [family || model, ...kernels].join(' ')
  } catch {
    // A kernel without /proc: the model's name has to do.
    return model
  }
}
