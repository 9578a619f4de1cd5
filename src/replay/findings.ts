/** What verify has found: figures, and the first of each kind of trouble by name. */

export type FindingKind =
  /** A feature row whose bytes are not those derived again. */
  | 'features'
  /** A score whose bytes are not those derived again. */
  | 'score'
  /** An accepted event, an erasure or a change by time without the row that is due. */
  | 'missing'
  /** A second row of one customer in one commit. */
  | 'double'
  /** A row that belongs to no commit. */
  | 'stray'
  /** A position record that does not follow from the input or from the one before. */
  | 'position'

export interface Finding {
  readonly kind: FindingKind
  readonly partition: number
  readonly commit: number
  /** null: the finding is about a whole commit. */
  readonly customer: string | null
  /** Topic and offset of the record that came; null where none did. */
  readonly topic: string | null
  readonly offset: number | null
  readonly due: string
  readonly came: string
}

/** Figures over all partitions. */
export interface VerifyCounts {
  records: number
  /** Records behind the last commit: nothing is due for them yet. */
  uncommitted: number
  commits: number
  /** Compared feature rows. */
  features: number
  /** Compared scores, bit for bit but for the next. */
  scores: number
  /** Scores that another runtime made: their probabilities were compared within 1e-6. */
  scoresWithin: number
  /** Rows that differ, stand twice or belong nowhere, and positions that are wrong. */
  mismatches: number
  /** Rows that are due and not there. */
  missing: number
  /** Rows of customers who were erased later: no longer derivable, and not to be. */
  erased: number
  /** Rows of customers outside the sample. */
  unsampled: number
}

const findingsMax = 20

export class Findings {
  readonly counts: VerifyCounts = {
    records: 0,
    uncommitted: 0,
    commits: 0,
    features: 0,
    scores: 0,
    scoresWithin: 0,
    mismatches: 0,
    missing: 0,
    erased: 0,
    unsampled: 0,
  }
  /** Scores that could not be derived, by the hash of the bundle that is missing. */
  readonly bundlesMissing = new Map<string, number>()
  readonly first: Finding[] = []

  add(finding: Finding): void {
    if (finding.kind === 'missing') this.counts.missing++
    else this.counts.mismatches++
    if (this.first.length < findingsMax) this.first.push(finding)
  }

  bundleMissing(hash: string): void {
    this.bundlesMissing.set(hash, (this.bundlesMissing.get(hash) ?? 0) + 1)
  }
}

/** What differs between two decoded rows, field by field; `due` and `came` are told apart. */
export function difference(due: object, came: object): { due: string; came: string } {
  const left = flat(due)
  const right = flat(came)
  const names = [...new Set([...left.keys(), ...right.keys()])]
  const other = names.filter((name) => left.get(name) !== right.get(name))
  // Equal values in other bytes: only a damaged record has that.
  if (other.length === 0) return { due: 'the same values in other bytes', came: 'other bytes' }
  const told = (side: ReadonlyMap<string, string>): string =>
    other.map((name) => `${name} ${side.get(name) ?? 'nothing'}`).join(', ')
  return { due: told(left), came: told(right) }
}

function flat(value: object, prefix = '', into = new Map<string, string>()): Map<string, string> {
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    if (typeof member === 'object' && member !== null) flat(member, `${prefix}${name}.`, into)
    else into.set(`${prefix}${name}`, Object.is(member, -0) ? '-0' : String(member))
  }
  return into
}
