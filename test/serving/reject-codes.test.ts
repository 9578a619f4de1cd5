import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
// @ts-expect-error A module of the page, which has no types.
import { rejectCodes } from '../../src/serving/page/reject-codes.js'

it('the page has a sentence for each code of a reject, and for no other', () => {
  const source = readFileSync(new URL('../../src/events/event.ts', import.meta.url), 'utf8')
  const [, union] = /export type RejectCode =\n([^;]*?)\n\n/.exec(source)!
  const codes = [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code)
  expect(Object.keys(rejectCodes as object).sort()).toEqual(codes.sort())
  for (const sentence of Object.values(rejectCodes as Record<string, string>)) {
    expect(sentence).toMatch(/^[A-Z].*\.$/)
  }
})
