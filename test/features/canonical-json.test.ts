import { describe, expect, it } from 'vitest'
import { canonicalHash, canonicalJson } from '../../src/features/canonical-json.js'

describe('canonicalJson', () => {
  it('orders keys by UTF-16 code units, as the example of RFC 8785 does', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    }
    const keys = [...canonicalJson(value).matchAll(/"([^"]*)":/g)].map((match) => match[1])
    expect(keys).toEqual(['\\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'])
  })

  it('writes numbers, literals and escapes as RFC 8785 shows', () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\nA\'B"\\\\"/',
      literals: [null, true, false],
    }
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
  })

  it('writes negative zero as 0 and small numbers with the exponent of ECMAScript', () => {
    expect(canonicalJson([-0, 1e-7, 1e21, 100, 5e-324])).toBe('[0,1e-7,1e+21,100,5e-324]')
  })

  it('does not depend on the order in which keys were set', () => {
    expect(canonicalHash({ a: 1, b: { d: 2, c: 3 } })).toBe(
      canonicalHash({ b: { c: 3, d: 2 }, a: 1 }),
    )
    expect(canonicalHash({})).toBe(
      '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
    )
  })

  it.each([Number.NaN, Infinity, undefined, 1n, '\ud800', () => 1])(
    'refuses %s, which JSON cannot say',
    (value) => {
      expect(() => canonicalJson({ x: [value] })).toThrow(TypeError)
    },
  )
})
