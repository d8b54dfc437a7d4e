/**
 * Memory of one message that arrives in fragments. The fragments are written where they belong in the message, so that
 * a complete message needs no copy. A sender announces the length of a message with the first fragment, and may then
 * stop. So the memory is not that of the whole message from the start: it grows with the credit of the sender.
 */
import { detachBuffer } from "../internal/detachBuffer.ts"

export interface Options {
  /** Announced length of the message, in bytes. */
  readonly total: number
  /** `true` to free memory that was replaced without the garbage collector. */
  readonly detachBuffers: boolean
}

export class Reassembly {
  /** Announced length of the message, in bytes. */
  readonly total: number
  private readonly detaches: boolean
  private memory = new Uint8Array(0)
  private filled = 0

  constructor({ detachBuffers, total }: Options) {
    this.total = total
    this.detaches = detachBuffers
  }

  /** Number of bytes that have arrived. */
  get length(): number {
    return this.filled
  }

  /**
   * Returns the place of the next fragment, which has this size. If the memory must grow for it, it gets room for `room`
   * bytes of the message.
   */
  place(size: number, room: number): Uint8Array {
    this.reserve(size, room)
    return this.memory.subarray(this.filled, this.filled + size)
  }

  /** Appends a fragment. Copies it, unless it lies in its place already. */
  append(fragment: Uint8Array, room: number): void {
    const { length } = fragment
    if (!this.hasInPlace(fragment)) {
      this.reserve(length, room)
      this.memory.set(fragment, this.filled)
      if (this.detaches) detachBuffer(fragment)
    }
    this.filled += length
  }

  /** Tests whether the array is the place of the next fragment. */
  hasInPlace({ buffer, byteOffset }: Uint8Array): boolean {
    return buffer === this.memory.buffer && byteOffset === this.filled
  }

  /** Returns the message, which is complete. Its array fills its buffer. */
  complete(): Uint8Array {
    return this.memory
  }

  private reserve(size: number, room: number): void {
    const needed = this.filled + size
    if (needed <= this.memory.length) return
    const old = this.memory
    this.memory = new Uint8Array(Math.min(this.total, Math.max(needed, room)))
    this.memory.set(old.subarray(0, this.filled))
    if (this.detaches) detachBuffer(old)
  }
}
