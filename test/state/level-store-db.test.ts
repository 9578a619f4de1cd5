import { expect, test } from 'vitest'
import { ioError } from '../../src/errors.js'
import { levelFailure, writeFailure } from '../../src/state/level-store-db.js'

const owner = {
  name: 'store of partition 3',
  damaged: (text: string, cause?: unknown) => ioError('STORE_DAMAGED', text, cause),
  failedCode: 'STORE_IO_FAILED',
  compression: false,
  checksTables: true,
}
const level = (text: string) => new Error(`IO error: data/state/3/000007.log: ${text}`)

test.each([
  ['No space left on device', 'DISK_FULL', 'later'],
  ['Disk quota exceeded', 'DISK_FULL', 'later'],
  ['Too many open files', 'STORE_IO_FAILED', 'later'],
  ['Permission denied', 'STORE_IO_FAILED', 'later'],
  ['Input/output error', 'STORE_DAMAGED', 'never'],
])('reading: %s is %s', (text, code, retry) => {
  const failure = levelFailure(owner, level(text))
  expect(failure).toMatchObject({ code, retry, exit: 74 })
  expect(failure.message).toContain('store of partition 3')
  expect(failure.message).toContain(text)
})

test.each([
  ['No space left on device', 'DISK_FULL'],
  ['Input/output error', 'STORE_WRITE_FAILED'],
])('writing: %s is %s', (text, code) => {
  const failure = writeFailure('store of partition 3', 'STORE_WRITE_FAILED', 'later', level(text))
  expect(failure).toMatchObject({ code, retry: 'later', exit: 74 })
  expect(failure.message).toContain(text)
})
