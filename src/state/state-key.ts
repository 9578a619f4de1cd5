/** Store keys of a customer's cells: u16 length ‖ customer ‖ kind [‖ u32 index from kind 1 on]. */

/** Only kind 0, the root, is one cell: its key, which nearly all customers have alone, stays short. */
const indexedFrom = 1
const span = 4_294_967_296

/** `customer` is the UTF-8 id, at most 64 KiB. `room` gives the bytes for the key. */
export function stateKey(
  customer: Uint8Array,
  cell: number,
  room = (bytes: number): Buffer => Buffer.allocUnsafe(bytes),
): Buffer {
  const kind = Math.floor(cell / span)
  const key = room(2 + customer.length + (kind >= indexedFrom ? 5 : 1))
  key.writeUInt16BE(customer.length, 0)
  key.set(customer, 2)
  key[2 + customer.length] = kind
  if (kind >= indexedFrom) key.writeUInt32BE(cell % span, 3 + customer.length)
  return key
}

/** The customer and the cell that a store key names, or null where it names none. */
export function parseStateKey(key: Buffer): { customer: string; cell: number } | null {
  if (key.length < 3) return null
  const length = key.readUInt16BE(0)
  const kind = key[2 + length]
  if (kind === undefined) return null
  const indexed = kind >= indexedFrom
  if (key.length !== 2 + length + (indexed ? 5 : 1)) return null
  const customer = key.toString('utf8', 2, 2 + length)
  return { customer, cell: kind * span + (indexed ? key.readUInt32BE(3 + length) : 0) }
}
