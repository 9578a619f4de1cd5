import { noCells, type StoredCells } from './stored-cells.js'

/** Memory of an entry beside its state: key, map slots, seals. */
export const entryBytes = 200

/** One customer in memory. */
export class Entry<S> {
  /** What the store holds after the flush under way. */
  stored: StoredCells = noCells
  /** Changed since the last flush border. */
  changed = false
  /** The last border at which it was encoded; 0 where borders are not logged. */
  border = 0
  /** Part of the flush under way; `waiting` until it has been encoded. */
  flushing: 'no' | 'waiting' | 'encoded' = 'no'
  /** Everything stored is to be deleted by the next encoding. */
  wiped = false
  recent = true
  /** Counted among the customers that have state. */
  counted = false
  /** Touched by an event since the last commit closed. */
  touched = false
  weight = entryBytes

  constructor(
    readonly customer: string,
    public state: S,
  ) {}
}
