/**
 * Memory for the writes of all links of a node. A write has a buffer of its own until the network has taken it, and the next
 * write uses the same buffer. A new buffer for each write would cost the garbage collector more than the write costs
 * (docs/decisions/0023).
 */

/** Maximum number of buffers that are kept. Most writes are done when the next begins, so few buffers are in use at once. */
const maxKept = 8

/** Fraction of a buffer below which a write gets an array of its own size, when no buffer is free. */
const smallPart = 16

/** Buffers of the links of a node. */
export class WriteBuffers {
  private readonly bytes: number
  private readonly free: Array<Uint8Array> = []

  /** `bytes` is the size of a buffer. */
  constructor(bytes: number) {
    this.bytes = bytes
  }

  /** Returns an array of at least `size` bytes with arbitrary content. */
  take(size: number): Uint8Array {
    const { bytes } = this
    if (size > bytes) return new Uint8Array(size)
    return this.free.pop() ?? new Uint8Array(size < bytes / smallPart ? size : bytes)
  }

  /** Takes back an array that nobody refers to any more. */
  give(buffer: Uint8Array): void {
    if (buffer.length === this.bytes && this.free.length < maxKept) this.free.push(buffer)
  }
}
