/**
 * The port of a group: processes that share the partitions of a log among them.
 *
 * A member keeps what it has while the group shares out anew. What is to move is first given up by
 * who has it, and only then, in a second round, given to another one; so no transaction is cut off
 * by a move. Exactness does not rest on any of this: who writes a partition has fenced its writer
 * (`EventLog.fence`), and two that both believe to own it cannot both commit.
 */

/** What a member brings along when partitions are shared out. */
export interface Holdings {
  /** Partitions that it has. */
  readonly owned: readonly number[]
  /** By partition, the last commit that its store here holds: the nearest store is preferred. */
  readonly stores: ReadonlyMap<number, number>
}

/** What a group tells and asks of the process that is its member. */
export interface GroupMember {
  holdings(): Promise<Holdings>
  /**
   * Gives up what it has beyond these partitions, and resolves when that is done; begins with the
   * others, and with keeping `copies` of the stores of partitions that run elsewhere.
   */
  assigned(partitions: readonly number[], copies: readonly number[]): Promise<void>
  /** The group has gone on without this member: all is somebody else's by now. */
  lost(why: string): Promise<void>
}

export interface Group {
  /**
   * Is a member until `leave`; resolves then.
   *
   * @throws TidemarkError KAFKA_DENIED, GROUP_REFUSED (78), where no second try would help
   */
  run(member: GroupMember): Promise<void>
  /**
   * Resolves with true when the group has said so since the call, and with false once the member is
   * leaving: the process is still its member, so what it was given is its own.
   */
  confirm(): Promise<boolean>
  /** Tells the group how far the input is committed; only for those who watch its lag. */
  committed(offsets: ReadonlyMap<number, number>): Promise<void>
  /** Leaves, so that the others need not wait until the silence is noticed. */
  leave(): Promise<void>
  /** What it has seen, for the metrics. */
  readonly counts: GroupCounts
}

export interface GroupCounts {
  /** Rounds in which partitions were shared out. */
  readonly rebalances: number
  /** Times that the group had gone on without this member. */
  readonly lost: number
}
