/** What any client reads of the customers in Redis, and what the output topics say is due there. */
import type { EmittedPair } from './outputs.js'
import type { RedisServer } from './redis-server.js'

/**
 * By customer, the fields of his hash as one text; `prefix` is that of the keys. The scores of his days
 * are left out: after a loss they are those of what was put since.
 */
export async function heldView(
  servers: readonly RedisServer[],
  prefix: string,
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const { admin } of servers) {
    for (const key of await admin.keys(`${prefix}*`)) {
      const all = Object.entries(await admin.hgetallBuffer(key))
      const fields = all.filter(([name]) => name !== 'scoreDays')
      const texts = fields.map(([name, value]) => [name, value.toString('latin1')] as const)
      found.set(key.slice(prefix.length), textOf(texts))
    }
  }
  return found
}

/** Puts what is due of a partition's outputs into `due`; an erased customer's tombstone too. */
export function addDue(
  due: Map<string, string>,
  partition: number,
  pairs: readonly EmittedPair[],
): void {
  for (const { customer, commit, features, score, bytes } of pairs) {
    // The marks of a commit come to each topic at a time of its own.
    if (features !== null && score === null) {
      due.set(customer, 'a score that is not there yet')
      continue
    }
    const erased = { version: commit, partition, erased: 1 }
    const row = features && {
      version: commit,
      partition,
      asOf: features.asOf,
      validUntil: features.validUntil ?? '',
      retired: features.retired ? 1 : '',
      score: score!.probability ?? '',
      risk: score!.risk,
      model: `${score!.bundle.name}/${score!.bundle.version}`,
      features: JSON.stringify(features.values),
      featuresRecord: bytes.features!.toString('latin1'),
      scoreRecord: bytes.score!.toString('latin1'),
    }
    due.set(customer, textOf(Object.entries(row ?? erased)))
  }
}

const textOf = (fields: readonly (readonly [string, unknown])[]): string =>
  fields
    .map(([name, value]) => `${name}=${String(value)}`)
    .sort()
    .join('\n')
