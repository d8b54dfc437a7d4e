/**
 * Copies of bytes. Allocating an array buffer costs more than the rest of the work for a short message, so short copies
 * share one buffer.
 */

const bufferSize = 16 * 1024

/** Longest copy that shares a buffer. */
export const maxShared = 2 * 1024

export class CopyBuffer {
  private buffer = new Uint8Array(bufferSize)
  private used = 0

  /** Copies `size` bytes from the offset. The caller owns the copy. */
  copy(bytes: Uint8Array, offset: number, size: number): Uint8Array {
    if (size > maxShared) return bytes.slice(offset, offset + size)
    if (this.used + size > bufferSize) {
      this.buffer = new Uint8Array(bufferSize)
      this.used = 0
    }
    const copy = new Uint8Array(this.buffer.buffer, this.used, size)
    copy.set(size === bytes.length ? bytes : bytes.subarray(offset, offset + size))
    this.used += size
    return copy
  }
}
