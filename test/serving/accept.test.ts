import { expect, it } from 'vitest'
import { accepts } from '../../src/serving/accept.js'

it.each([
  [undefined, true],
  ['', true],
  ['*/*', true],
  ['application/*', true],
  ['Application/JSON; q=0.2', true],
  ['text/html, application/xml;q=0.9, */*;q=0.8', true],
  ['text/html', false],
  ['application/json;q=0, */*', false],
  ['*/*;q=0, application/json', true],
  ['application/problem+json', false],
])('Accept: %s', (header, accepted) => {
  expect(accepts(header, 'application/json')).toBe(accepted)
})
