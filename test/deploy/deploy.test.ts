/** What is in deploy/ and the compose file fits together, as far as can be told without an engine. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { commandsFor } from '../../src/cli/commands.js'
import { runProgram } from '../../src/cli/program.js'
import { loadConfig } from '../../src/config/load-config.js'
import { createMetrics } from '../../src/monitoring/metrics.js'
import { ScoreBoard } from '../../src/monitoring/score-board.js'
import { TestIo } from '../cli/io.js'
import { engineStatus } from '../serving/made-up.js'

interface Service {
  readonly image: string
  readonly build?: string
  readonly command?: string[]
  readonly restart: string
  readonly stop_grace_period?: string
  readonly ports?: string[]
  readonly environment?: Record<string, unknown>
  readonly volumes?: string[]
  readonly healthcheck?: { readonly test?: string | string[]; readonly disable?: boolean }
  readonly depends_on?: Record<string, { readonly condition: string }>
}

interface Compose {
  readonly services: Record<string, Service>
  readonly volumes: Record<string, unknown>
}

const read = (path: string): unknown => parse(readFileSync(path, 'utf8'), { merge: true })
const compose = read('docker-compose.yml') as Compose
const services = Object.entries(compose.services)
const ours = services.filter(([, { image }]) => image === 'tidemark')

/** Of the compose specification; a misspelt one would be refused. */
const serviceKeys = new Set(
  'build command depends_on environment healthcheck image init ports restart stop_grace_period volumes'.split(
    ' ',
  ),
)

describe('docker-compose.yml', () => {
  test('has the parts of an installation', () => {
    expect(services.map(([name]) => name).sort()).toEqual(
      'grafana kafka prometheus redis registry schemas serve topics worker'.split(' '),
    )
  })

  test.each(services)('%s says what a service can say, of an image that stays', (_, service) => {
    const { build, image, environment = {} } = service
    expect(Object.keys(service).filter((key) => !serviceKeys.has(key))).toEqual([])
    expect(
      build === undefined ? /:v?\d+\.\d+/.test(image) : existsSync(`${build}/Dockerfile`),
    ).toBe(true)
    const kinds = Object.values(environment).map((value) => typeof value)
    expect(kinds.filter((kind) => kind !== 'string' && kind !== 'number')).toEqual([])
  })

  test.each(services)('what %s waits for can happen', (_, { depends_on = {} }) => {
    const impossible = Object.entries(depends_on).filter(([name, { condition }]) => {
      const other = compose.services[name]
      if (condition === 'service_healthy') return other?.healthcheck?.test === undefined
      if (condition === 'service_completed_successfully') return other?.restart !== 'no'
      return condition !== 'service_started' || other === undefined
    })
    expect(impossible).toEqual([])
  })

  test.each(services)('the volumes of %s are there', (_, { volumes = [] }) => {
    const missing = volumes
      .map((volume) => volume.split(':')[0])
      .filter(
        (source) => !(source.startsWith('.') ? existsSync(source) : source in compose.volumes),
      )
    expect(missing).toEqual([])
  })

  test('opens its ports on this machine only, each once', () => {
    const ports = services.flatMap(([, { ports = [] }]) => ports)
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
    expect(new Set(ports.map((port) => port.split(':')[1])).size).toBe(ports.length)
  })

  test.each(ours)('%s runs a command that there is', async (_, { command = [] }) => {
    const io = new TestIo()
    const words = command.filter((word) => /^[a-z]+$/.test(word)).slice(0, 2)
    expect(await runProgram([...words, '--help'], io, await commandsFor(words))).toBe(0)
    for (const flag of command.filter((word) => word.startsWith('--'))) {
      expect(io.stdout).toContain(flag)
    }
    expect(io.stdout).toContain(`Usage: tidemark ${words[0]}`)
  })

  test('runs nothing before what it needs is there', () => {
    const waits = (name: string) => Object.keys(compose.services[name]?.depends_on ?? {}).sort()
    expect(waits('topics')).toEqual(['kafka'])
    expect(waits('schemas')).toEqual(['registry'])
    for (const name of ['worker', 'serve']) {
      expect(waits(name)).toEqual(['redis', 'schemas', 'topics'])
    }
    // A stop takes that long where brokers and Redis are away.
    expect(compose.services['worker']?.stop_grace_period).toBe('30s')
  })

  test('asks of health by commands that the images have', () => {
    const checks = services.flatMap(([name, { healthcheck }]) =>
      healthcheck?.test === undefined ? [] : [[name, [healthcheck.test].flat().join(' ')]],
    )
    expect(Object.fromEntries(checks)).toEqual({
      kafka: expect.stringMatching(/^\/opt\/kafka\/bin\/kafka-broker-api-versions\.sh /) as string,
      redis: 'CMD redis-cli ping',
      registry: expect.stringMatching(/^curl /) as string,
    })
    // Our own image has no curl, but Node.
    expect(readFileSync('Dockerfile', 'utf8')).toMatch(/HEALTHCHECK [^]*?CMD \["node", "-e", /)
  })

  test.each(ours)('%s is given the configuration that is mounted', (_, { command, volumes }) => {
    const path = '/etc/tidemark/tidemark.yaml'
    expect(command?.slice(-2)).toEqual(['--config', path])
    expect(volumes).toContain(`./deploy/tidemark.yaml:${path}:ro`)
  })
})

describe('the configuration of the containers', () => {
  test('is whole, and names services at the ports where they listen', async () => {
    const { config } = await loadConfig('deploy/tidemark.yaml', process.cwd(), {})
    const { kafka, redis, registry, serve } = compose.services
    expect(config.kafka.brokers).toEqual(['kafka:9092'])
    expect(kafka.environment?.['KAFKA_ADVERTISED_LISTENERS']).toContain('INSIDE://kafka:9092')
    expect(config.redis?.url?.reveal()).toBe('redis://redis:6379')
    expect(redis.command).toContain('noeviction')
    const port = String(registry.environment?.['QUARKUS_HTTP_PORT'])
    expect(config.schemaRegistry?.url).toBe(`http://registry:${port}/apis/ccompat/v7`)
    expect(serve.ports).toEqual([`127.0.0.1:${config.http.port}:${config.http.port}`])
    const image = readFileSync('Dockerfile', 'utf8')
    expect(image).toContain(`EXPOSE ${config.http.port}\n`)
    expect(image).toContain(`VOLUME ${config.data}\n`)
    // Only what a container reaches can be looked up from outside of it.
    expect(config.http.host).toBe('0.0.0.0')
  })
})

describe('Prometheus and Grafana', () => {
  const prometheus = read('deploy/prometheus.yml') as {
    rule_files: string[]
    scrape_configs: {
      dns_sd_configs?: { names: string[]; port: number }[]
      static_configs?: { targets: string[] }[]
    }[]
  }

  test('look at services that there are, and at files that are mounted', () => {
    const targets = prometheus.scrape_configs.flatMap((job) => [
      ...(job.static_configs ?? []).flatMap((config) => config.targets),
      ...(job.dns_sd_configs ?? []).flatMap(({ names, port }) => names.map((n) => `${n}:${port}`)),
    ])
    expect(targets.sort()).toEqual(['serve:8080', 'worker:8080'])
    const mounted = (compose.services['prometheus'].volumes ?? []).map((v) => v.split(':')[1])
    for (const file of prometheus.rule_files) expect(mounted).toContain(`/etc/prometheus/${file}`)
    const provisioning = 'deploy/grafana/provisioning'
    const source = read(`${provisioning}/datasources/prometheus.yml`) as {
      datasources: { url: string; uid: string }[]
    }
    expect(source.datasources[0].url).toBe('http://prometheus:9090')
    const board = read(`${provisioning}/dashboards/tidemark.yml`) as {
      providers: { options: { path: string } }[]
    }
    expect(compose.services['grafana'].volumes).toContain(
      `./deploy/grafana/dashboards:${board.providers[0].options.path}:ro`,
    )
  })

  test('ask for metrics that there are, by labels that they have', async () => {
    const metrics = createMetrics({ status: () => engineStatus() }, new ScoreBoard(), {
      snapshots: () => ({ failure: 'X', waitingRows: 0, waitingBytes: 0, behind: [0] }),
      registry: () => ({ failure: 'X', schemas: 0 }),
      group: () => ({ rebalances: 0, lost: 0 }),
    })
    metrics.observeCommit(0, 1)
    const text = await metrics.render()
    const known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
    const asked = [...expressions()].flatMap((expression) =>
      [...expression.matchAll(/\btidemark_[a-z0-9_]+/g)].map(([name]) =>
        name.replace(/_(bucket|count)$/, ''),
      ),
    )
    expect(asked.length).toBeGreaterThan(20)
    expect(asked.filter((name) => !known.has(name))).toEqual([])
  })

  function* expressions(): Generator<string> {
    const { groups } = read('deploy/alerts.yml') as {
      groups: { rules: { alert: string; expr: string; annotations: { summary: string } }[] }[]
    }
    for (const { rules } of groups) {
      expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
      for (const { expr, annotations } of rules) {
        expect(annotations.summary).not.toBe('')
        yield expr
      }
    }
    const folder = 'deploy/grafana/dashboards'
    for (const name of readdirSync(folder)) {
      const { panels } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
        panels: { targets: { expr: string }[] }[]
      }
      for (const { targets } of panels) for (const { expr } of targets) yield expr
    }
  }
})
