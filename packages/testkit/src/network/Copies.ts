/** Copies of bytes. An array buffer of its own costs more than all else that a short message does, so short ones share. */

const slabSize = 16 * 1024

/** Longer ones have a buffer of their own. */
const shortSize = 2 * 1024

export class Copies {
  private slab = new Uint8Array(slabSize)
  private used = 0

  /** So many bytes from the offset, which are the receiver's. */
  of(bytes: Uint8Array, offset: number, size: number): Uint8Array {
    if (size > shortSize) return bytes.slice(offset, offset + size)
    if (this.used + size > slabSize) {
      this.slab = new Uint8Array(slabSize)
      this.used = 0
    }
    const copy = new Uint8Array(this.slab.buffer, this.used, size)
    copy.set(size === bytes.length ? bytes : bytes.subarray(offset, offset + size))
    this.used += size
    return copy
  }
}
