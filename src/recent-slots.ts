/**
 * The keys that were used last, at most `max`, each with a slot of its own: who keeps something beside
 * a key keeps it in columns, which cost the garbage collector nothing.
 *
 * The order is a list through typed arrays. In a `Map` alone a key that is used would have to be
 * deleted and set again, and a map of which much is deleted is copied over and over.
 *
 * S1 A slot is below `max`, and is one key's until that is deleted or forgotten.
 *
 * @example
 * const slots = new RecentSlots<string>(100_000)
 * const slot = slots.find('a') // -1: he is not among them
 */
export class RecentSlots<K> {
  readonly #slots = new Map<K, number>()
  readonly #keys: K[] = []
  readonly #newer: Int32Array
  readonly #older: Int32Array
  #newest = NONE
  #oldest = NONE
  readonly #free: number[] = []

  /** `max`: at least 1. */
  constructor(readonly max: number) {
    this.#newer = new Int32Array(max)
    this.#older = new Int32Array(max)
  }

  get size(): number {
    return this.#slots.size
  }

  /** -1: it is not among them. */
  find(key: K): number {
    return this.#slots.get(key) ?? NONE
  }

  /** The key in the slot was used just now. */
  use(slot: number): void {
    if (slot === this.#newest) return
    this.#unlink(slot)
    this.#link(slot)
  }

  /** The slot of a key that is new; where all are taken, that of the key used longest ago. */
  take(key: K): number {
    const slot = this.#free.pop() ?? (this.size < this.max ? this.size : this.#forget())
    this.#slots.set(key, slot)
    this.#keys[slot] = key
    this.#link(slot)
    return slot
  }

  /** Answers the slot that it leaves; -1: it was not among them. */
  delete(key: K): number {
    const slot = this.find(key)
    if (slot === NONE) return NONE
    this.#slots.delete(key)
    this.#unlink(slot)
    this.#free.push(slot)
    return slot
  }

  #forget(): number {
    const slot = this.#oldest
    this.#slots.delete(this.#keys[slot])
    this.#unlink(slot)
    return slot
  }

  #link(slot: number): void {
    this.#older[slot] = this.#newest
    this.#newer[slot] = NONE
    if (this.#newest === NONE) this.#oldest = slot
    else this.#newer[this.#newest] = slot
    this.#newest = slot
  }

  #unlink(slot: number): void {
    const [newer, older] = [this.#newer[slot], this.#older[slot]]
    if (newer === NONE) this.#newest = older
    else this.#older[newer] = older
    if (older === NONE) this.#oldest = newer
    else this.#newer[older] = newer
  }
}

const NONE = -1
