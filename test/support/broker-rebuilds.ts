/** Rebuilds beside workers on Kafka with snapshots in Redis: where they happen, and what must hold. */
import { join } from 'node:path'
import { expect } from 'vitest'
import { type BinaryEnd, runBinary } from './binary.js'
import { writeChangedChurn } from './changed-churn.js'
import { Installation, type Started } from './installation.js'
import { RedisServer } from './redis-server.js'

/** An installation, a changed app in it, and how it is rebuilt and verified. */
export async function rebuildPlace(brokers: readonly string[], url: string | null = null) {
  const redis = await RedisServer.start()
  const installation = await Installation.make({ brokers, redis, registry: url })
  const changed = writeChangedChurn(join(installation.folder, 'changed'))
  const rebuild = async (
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<BinaryEnd> => {
    const config = await installation.config('rebuild')
    return runBinary(['rebuild', '--config', config, '--json', ...args], { env })
  }
  const verified = async (): Promise<void> => {
    const config = await installation.config('verify')
    const { stdout, stderr } = await runBinary(['verify', '--config', config, '--json'])
    expect(stderr.match(/^tidemark: .*/gm)).toBeNull()
    const clean = { ok: true, mismatches: 0, missing: 0, findings: [], bundlesMissing: {} }
    expect(JSON.parse(stdout)).toMatchObject(clean)
  }
  return { redis, installation, changed, rebuild, verified }
}

interface Status {
  readonly appHash: string
  readonly generation: number
  readonly partitions: readonly { readonly partition: number; readonly commit: number }[]
}

export const statusOf = async ({ url }: Started) =>
  (await (await fetch(`${url}/v1/status`)).json()) as Status

export async function until(
  what: () => Promise<unknown>,
  due: unknown,
  timeout = 60_000,
): Promise<void> {
  await expect.poll(what, { timeout, interval: 100 }).toEqual(due)
}

/** The freshness of a customer's row, and whether it is of the changed declaration. */
export async function rowOf(worker: Started, customer: string) {
  const { status, body } = await worker.customer(customer)
  const { features, freshness } = body as unknown as {
    features?: Record<string, unknown>
    freshness?: { status: string }
  }
  const isChanged = features !== undefined && 'tickets_ever' in features
  return { status, isChanged, freshness: freshness?.status }
}
