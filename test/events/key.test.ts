import { describe, expect, test } from 'vitest'
import { KEY_BYTES_MAX, keyText } from '../../src/events/key.js'

describe('keyText', () => {
  test.each([
    ['null', null],
    ['empty', Buffer.alloc(0)],
  ])('a key that is %s is KEY_MISSING', (_, key) => {
    expect(keyText(key)).toMatchObject({ code: 'KEY_MISSING' })
  })

  test.each([
    '0042',
    ' blank ',
    'nul\0byte',
    'שלום',
    '\u202Eright to left',
    '👩‍👩‍👧',
    '\uFEFFmark',
    'a\uFFFDb',
    '__proto__',
    // Composed and decomposed are two customers: ids are bytes.
    'é',
    'e\u0301',
  ])('%j is taken as it is', (id) => {
    const text = keyText(Buffer.from(id))
    expect(text).toBe(id)
    expect(Buffer.from(text as string)).toEqual(Buffer.from(id))
  })

  test.each([
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['half a surrogate pair', [0xed, 0xa0, 0x80]],
    ['a cut emoji', [0xf0, 0x9f, 0x98]],
    ['bytes above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a true U+FFFD beside a bad byte', [0xef, 0xbf, 0xbd, 0xff]],
  ])('%s is KEY_INVALID', (_, bytes) => {
    expect(keyText(Buffer.from(bytes))).toMatchObject({ code: 'KEY_INVALID' })
  })

  test('256 bytes are a key, 257 are KEY_TOO_LONG', () => {
    expect(keyText(Buffer.from('é'.repeat(KEY_BYTES_MAX / 2)))).toBe('é'.repeat(128))
    expect(keyText(Buffer.alloc(KEY_BYTES_MAX + 1, 'x'))).toMatchObject({ code: 'KEY_TOO_LONG' })
    expect(keyText(Buffer.alloc(1 << 20, 'x'))).toMatchObject({ code: 'KEY_TOO_LONG' })
  })
})
