/**
 * The jars of a Kafka broker, fetched once a user by Maven, and a Java that runs them.
 *
 * What is not there is installed where the system lets us; what cannot be had ends in one sentence
 * that says what to install, and the tests that need it fail with it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

const kafkaVersion = '4.1.0'

const advice =
  'to test against Kafka, give KAFKA_BROKERS=host:port of a broker, or install a JDK 17 and Maven ' +
  '(Debian: apt-get install openjdk-17-jre-headless maven)'

/** Path of a `java` of version 17 or newer; installed from the system's packages where missing. */
export function findJava(): string {
  const home = process.env['JAVA_HOME']
  const candidates = [...(home === undefined ? [] : [join(home, 'bin', 'java')]), 'java']
  const found = candidates.find((path) => javaVersion(path) >= 17)
  if (found !== undefined) return found
  installPackage('openjdk-17-jre-headless')
  if (javaVersion('java') >= 17) return 'java'
  throw new Error(`no Java 17 was found: ${advice}`)
}

function javaVersion(path: string): number {
  const { stderr, status } = spawnSync(path, ['-version'], { encoding: 'utf8' })
  return status === 0 ? Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0) : 0
}

function installPackage(name: string): void {
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  spawnSync('apt-get', ['update'], options as never)
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', name], options as never)
}

/** The folder with the broker's jars; fetched where this user has none yet. */
export async function findJars(): Promise<string> {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const jars = join(cache, 'tidemark', `kafka-${kafkaVersion}`)
  if (existsSync(jars)) return jars
  const work = await mkdtemp(join(tmpdir(), 'tidemark-kafka-jars-'))
  try {
    await writeFile(join(work, 'pom.xml'), pom)
    const fetched = join(work, 'jars')
    fetchJars(work, fetched)
    const names = await readdir(fetched)
    if (!names.some((name) => name.startsWith('kafka_2.13-'))) throw new Error(advice)
    await mkdir(join(jars, '..'), { recursive: true })
    // Beside its place first: a folder that has its name is complete.
    const beside = `${jars}.${process.pid}`
    await cp(fetched, beside, { recursive: true })
    await rename(beside, jars).catch(async (error: unknown) => {
      await rm(beside, { recursive: true, force: true })
      if (!existsSync(jars)) throw error
    })
    return jars
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

function fetchJars(work: string, into: string): void {
  if (spawnSync('mvn', ['-v']).status !== 0) installPackage('maven')
  const goal = [
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${into}`,
  ]
  const run = spawnSync('mvn', ['-B', '-q', ...goal], { cwd: work, encoding: 'utf8' })
  if (run.status === 0) return
  const why = run.error === undefined ? run.stdout.trim().split('\n')[0] : run.error.message
  throw new Error(`the jars of Kafka ${kafkaVersion} could not be fetched (${why}): ${advice}`)
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tidemark</groupId>
  <artifactId>test-broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${kafkaVersion}</version>
    </dependency>
  </dependencies>
</project>
`
