/**
 * Who gets which partitions: everybody the same number or one more, each partition preferably where
 * it runs already, else where the store is nearest to the end of the log.
 *
 * H1 A partition that runs at one member is given to no other one in the same round. Where it is to
 *    move, nobody has it until its owner has come back without it.
 */

/** A member, with what it brought along. */
export interface Sharer {
  readonly id: string
  readonly owned: readonly number[]
  readonly stores: ReadonlyMap<number, number>
  /** Of the round in which it got what it owns: of two owners the later one is right. */
  readonly generation: number
}

/**
 * Shares `count` partitions out.
 *
 * @example shareOut(2, [{ id: 'a', owned: [], stores: new Map(), generation: 0 }]) // a: [0, 1]
 */
export function shareOut(count: number, members: readonly Sharer[]): Map<string, number[]> {
  const sorted = members.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const owners = ownersOf(count, sorted)
  const target = targetOf(count, sorted, owners)
  const shares = new Map(sorted.map(({ id }) => [id, [] as number[]]))
  target.forEach((id, partition) => {
    const owner = owners.get(partition)
    if (owner === undefined || owner.id === id) shares.get(id)!.push(partition)
  })
  return shares
}

/**
 * Who keeps copies of which partitions: `copies` members beside the one that runs it, those whose
 * stores are nearest first, else those that have the fewest.
 */
export function shareCopies(
  count: number,
  members: readonly Sharer[],
  shares: ReadonlyMap<string, readonly number[]>,
  copies: number,
): Map<string, number[]> {
  const sorted = members.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const owners = ownersOf(count, sorted)
  const given = new Map(sorted.map(({ id }) => [id, [] as number[]]))
  for (let partition = 0; partition < count; partition += 1) {
    const runs = ({ id }: Sharer): boolean =>
      shares.get(id)!.includes(partition) || owners.get(partition)?.id === id
    const commitOf = ({ stores }: Sharer): number => stores.get(partition) ?? -1
    const loadOf = ({ id }: Sharer): number => given.get(id)!.length
    const others = sorted
      .filter((member) => !runs(member))
      .sort((a, b) => commitOf(b) - commitOf(a) || loadOf(a) - loadOf(b))
    for (const { id } of others.slice(0, copies)) given.get(id)!.push(partition)
  }
  return given
}

function ownersOf(count: number, members: readonly Sharer[]): Map<number, Sharer> {
  const owners = new Map<number, Sharer>()
  for (const member of members) {
    for (const partition of member.owned) {
      if (partition >= count) continue
      const other = owners.get(partition)
      if (other === undefined || other.generation < member.generation) {
        owners.set(partition, member)
      }
    }
  }
  return owners
}

/** Where each partition should be, whoever has it now. */
function targetOf(
  count: number,
  members: readonly Sharer[],
  owners: ReadonlyMap<number, Sharer>,
): string[] {
  const target: string[] = []
  const load = new Map(members.map(({ id }) => [id, 0]))
  let more = count % members.length
  const least = Math.floor(count / members.length)
  const loadOf = (id: string): number => load.get(id) ?? 0
  const hasRoom = ({ id }: Sharer): boolean =>
    loadOf(id) < least || (loadOf(id) === least && more > 0)
  const give = (partition: number, { id }: Sharer): void => {
    target[partition] = id
    if (loadOf(id) === least) more -= 1
    load.set(id, loadOf(id) + 1)
  }
  const left: number[] = []
  for (let partition = 0; partition < count; partition += 1) {
    const owner = owners.get(partition)
    if (owner !== undefined && hasRoom(owner)) give(partition, owner)
    else left.push(partition)
  }
  for (const partition of left) give(partition, nearest(partition, members.filter(hasRoom), load))
  return target
}

function nearest(
  partition: number,
  members: readonly Sharer[],
  load: ReadonlyMap<string, number>,
): Sharer {
  const commitOf = ({ stores }: Sharer): number => stores.get(partition) ?? -1
  return members.reduce((best, member) => {
    const nearer = commitOf(member) - commitOf(best)
    if (nearer !== 0) return nearer > 0 ? member : best
    return load.get(member.id)! < load.get(best.id)! ? member : best
  })
}
