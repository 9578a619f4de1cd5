/** OPERATIONS.md shows every option, in a configuration that can be used. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load-config.js'
import { options } from '../../src/config/options.js'
import { sharedFolder } from '../support/temp-folder.js'

const page = readFileSync('docs/OPERATIONS.md', 'utf8')
const section = /\n## Configuration[^]*?\n(?=## )/.exec(page)?.[0] ?? ''
const example = /```yaml\n([^]*?)```/.exec(section)?.[1] ?? ''
const folder = sharedFolder()

test('the example is a whole configuration', async () => {
  writeFileSync(join(folder, 'registry-ca.pem'), 'an authority')
  mkdirSync(join(folder, 'secrets'))
  writeFileSync(join(folder, 'secrets', 'redis'), 'secret\n')
  const text = example.replaceAll('/run/secrets', join(folder, 'secrets'))
  writeFileSync(join(folder, 'tidemark.yaml'), text)
  const environment = { KAFKA_PASSWORD: 'secret', REGISTRY_PASSWORD: 'secret' }
  const { config } = await loadConfig('tidemark.yaml', folder, environment)
  expect(config.kafka.groupId).toBe('tidemark-churn')
  expect(config.schemaRegistry?.ca).toBe('an authority')
})

test('every option is in it, or named beside it', () => {
  const names = options.map(({ path }) => path[path.length - 1])
  expect(names.length).toBeGreaterThan(35)
  const missing = names.filter((name) => !new RegExp(`\\b${name}\\b`).test(section))
  expect(missing).toEqual([])
})
