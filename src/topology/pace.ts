/** Of the first commit of an opening, and of its first batch, in records. */
const firstRecordsMax = 64

/**
 * At how many records a commit closes: few at first, twice as many with each commit that was sent.
 *
 * Who has just opened a partition has something to put out soon, however much there is to catch up
 * with. A process that has just begun needs several times as long for a record, and several of its
 * partitions take turns on one event loop: a first commit as large as later ones would take seconds.
 */
export class Pace {
  private records: number

  constructor(private readonly commitRecordsMax: number) {
    this.records = Math.min(firstRecordsMax, commitRecordsMax)
  }

  /** No batch is larger either, for commits close at their borders, and pass this by one at most. */
  get recordsMax(): number {
    return this.records
  }

  /** The credit that goes with it: the next commit fills while one is under way. */
  get credit(): number {
    return 2 * this.records
  }

  /** A commit was sent; answers by how much the credit has grown. */
  grow(): number {
    const before = this.credit
    this.records = Math.min(2 * this.records, this.commitRecordsMax)
    return this.credit - before
  }
}
