/**
 * Memory for the writes of all links of a node. A write owns a buffer until the network has taken the bytes, and the
 * next write reuses the buffer. A new buffer for each write would cost more in garbage collection than the write itself
 * (docs/decisions/0023).
 */

/** Maximum number of kept buffers. Most writes end before the next begins, so few buffers are in use at once. */
const maxKept = 8

/** Divisor of the buffer size. A write below this fraction gets an array of its own size when no buffer is free. */
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

  /** Takes back an array without further references. */
  give(buffer: Uint8Array): void {
    if (buffer.length === this.bytes && this.free.length < maxKept) this.free.push(buffer)
  }
}
