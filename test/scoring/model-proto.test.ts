import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { TidemarkError } from '../../src/errors.js'
import { judgeModel } from '../../src/scoring/model-proto.js'
import { fixture } from './fixtures.js'

let good: Buffer

beforeAll(async () => {
  good = await readFile(join(fixture('good'), 'model.onnx'))
})

function codeOf(bytes: Uint8Array): string {
  try {
    judgeModel(bytes, 'model.onnx')
    return 'trusted'
  } catch (error) {
    if (error instanceof TidemarkError) return error.code
    throw error
  }
}

/** A length-delimited field of fewer than 128 bytes. */
function field(number: number, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...bytes, rest])
}

const text = (value: string): Buffer => Buffer.from(value, 'utf8')

describe('judgeModel', () => {
  it('tells inputs and outputs as the file declares them', () => {
    expect(judgeModel(good, 'model.onnx')).toEqual({
      inputs: [
        { name: 'num', type: 'float', shape: [null, 3] },
        { name: 'cat', type: 'string', shape: [null, 1] },
      ],
      outputs: [{ name: 'probability', type: 'float', shape: [null, 1] }],
    })
  })

  it('finds every truncation invalid or without harm, and never fails otherwise', () => {
    for (let length = 0; length < good.length; length++) {
      expect(['MODEL_INVALID', 'trusted']).toContain(codeOf(good.subarray(0, length)))
    }
  })

  it('survives flipped bytes', () => {
    for (let at = 0; at < good.length; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const bytes = Buffer.from(good)
        bytes[at] ^= flip
        expect(codeOf(bytes)).toMatch(/^(trusted|MODEL_INVALID|MODEL_UNTRUSTED)$/)
      }
    }
  })

  it('refuses a foreign domain also where a later one would hide it', () => {
    // A decoder keeps the last domain of a node; what it keeps is none of our business.
    const node = field(1, field(7, text('com.evil')), field(7, text('')))
    expect(codeOf(Buffer.concat([good, field(7, node)]))).toBe('MODEL_UNTRUSTED')
  })

  it.each([
    ['an operator set', field(8, field(1, text('com.microsoft')))],
    ['a function', field(25, field(10, text('local')))],
    ['a node of a function', field(25, field(7, field(7, text('com.microsoft'))))],
    ['a training graph', field(20, field(1))],
    ['external data by its entries', field(7, field(5, field(13, field(1, text('location')))))],
    ['external data by its location', field(7, field(5, Buffer.from([14 * 8, 1])))],
    [
      'external data by a location that is 1 once it is cut to 32 bits',
      field(7, field(5, varint(14 * 8), varint(2 ** 32 + 1))),
    ],
    [
      'external data in a list of tensors of an attribute',
      field(7, field(1, field(5, field(10, field(13))))),
    ],
    ['external data in a sparse tensor', field(7, field(15, field(1, field(13))))],
  ])('refuses %s', (_, bytes) => {
    expect(codeOf(Buffer.concat([good, bytes]))).toBe('MODEL_UNTRUSTED')
  })

  it("refuses the runtime's own format, also where the file is valid ONNX as well", () => {
    // Field 2 (the producer's name) puts the four letters where the runtime looks for them.
    const polyglot = Buffer.concat([field(2, text('xxORTMxxxx')), good])
    expect(polyglot.subarray(4, 8).toString('latin1')).toBe('ORTM')
    expect(codeOf(polyglot)).toBe('MODEL_UNTRUSTED')
  })

  it('refuses graphs nested beyond its bound', () => {
    let graph: Buffer = field(7)
    for (let depth = 0; depth < 17; depth++) {
      const body = graph.subarray(2)
      graph = field(7, field(1, field(5, field(6, body))))
    }
    expect(codeOf(Buffer.concat([good, graph]))).toBe('MODEL_UNTRUSTED')
  })

  it('refuses bytes without a graph or an operator set', () => {
    expect(codeOf(field(2, text('producer')))).toBe('MODEL_INVALID')
    expect(codeOf(field(7))).toBe('MODEL_INVALID')
    expect(codeOf(new Uint8Array(0))).toBe('MODEL_INVALID')
  })
})
