/** Bytes of one piece; what is larger gets a piece of its own. */
const pieceBytes = 1 << 16

/**
 * Small buffers cut from large pieces: for bytes that are made by the thousand and live about equally
 * long, where Node's own pool of 8 KB would be made anew for every few of them.
 *
 * @example new Arena().take(12).length // 12
 */
export class Arena {
  private piece = Buffer.alloc(0)
  private at = 0

  /** A buffer whose content is whatever it was; the arena keeps no hold on it. */
  take(bytes: number): Buffer {
    if (this.at + bytes > this.piece.length) {
      this.piece = Buffer.allocUnsafeSlow(Math.max(pieceBytes, bytes))
      this.at = 0
    }
    const from = this.at
    this.at += bytes
    return this.piece.subarray(from, this.at)
  }
}
