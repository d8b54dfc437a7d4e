/**
 * Memory for the writes of all links of a node. A write owns a buffer until the network has taken the bytes, and the
 * next write reuses the buffer. A new buffer for each write would cost more in garbage collection than the write itself
 * (docs/decisions/0023).
 */

/** Maximum number of kept buffers of each size. Most writes end before the next begins, so few are in use at once. */
const maxKept = 8

/**
 * Divisor of the size of a large buffer that gives the size of a small one. A node with many links that write little
 * must not have a large buffer for each write.
 */
const smallPart = 16

/** Buffers of the links of a node. */
export class WriteBuffers {
  private readonly largeBytes: number
  private readonly smallBytes: number
  private readonly large: Array<Uint8Array> = []
  private readonly small: Array<Uint8Array> = []

  /** `bytes` is the size of a large buffer. */
  constructor(bytes: number) {
    this.largeBytes = bytes
    this.smallBytes = Math.floor(bytes / smallPart)
  }

  /** Returns an array of at least `size` bytes with arbitrary content. */
  take(size: number): Uint8Array {
    const { large, largeBytes, small, smallBytes } = this
    if (size > largeBytes) return new Uint8Array(size)
    if (size > smallBytes) return large.pop() ?? new Uint8Array(largeBytes)
    return small.pop() ?? large.pop() ?? new Uint8Array(smallBytes)
  }

  /** Takes back an array without further references. */
  give(buffer: Uint8Array): void {
    const { large, largeBytes, small, smallBytes } = this
    const kept = buffer.length === largeBytes ? large : buffer.length === smallBytes ? small : undefined
    if (kept !== undefined && kept.length < maxKept) kept.push(buffer)
  }
}
