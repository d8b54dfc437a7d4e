/**
 * Chunk of received bytes during decoding, and the payloads of its Data frames. A payload is a view of received bytes,
 * because a separate array for each small payload would cost ten times as much as the rest of decoding.
 */
import { largePayload } from "./FrameEncoder.ts"

/**
 * Maximum memory that a small payload retains besides itself. It is the size of a copy that many small payloads share.
 */
export const slabBytes = 8192

const empty: Uint8Array = new Uint8Array(0)

/** Chunk, and the copies of it that small payloads share. */
export class Chunk {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** `true` if a payload is a view of the chunk itself, so that the chunk must not change. */
  isViewed = false
  private readonly buffer: ArrayBufferLike
  /** `true` if the chunk is so small that a payload may retain all of it. */
  private readonly isSmall: boolean
  /** Copy of the bytes from `slabFrom` to `slabTo`, which small payloads share. */
  private slab: ArrayBufferLike
  private slabFrom = 0
  private slabTo = 0

  constructor(bytes: Uint8Array) {
    const { buffer, byteLength, byteOffset } = bytes
    this.bytes = bytes
    this.view = new DataView(buffer, byteOffset, byteLength)
    this.buffer = buffer
    this.isSmall = buffer.byteLength <= slabBytes
    this.slab = buffer
  }

  /**
   * Returns the payload from `from` to `end`. A large payload is a view of the chunk. A small payload is a view of a
   * shared copy.
   */
  payload(from: number, end: number): Uint8Array {
    const size = end - from
    if (size === 0) return empty
    if (size >= largePayload || this.isSmall) {
      this.isViewed = true
      return new Uint8Array(this.buffer, this.bytes.byteOffset + from, size)
    }
    if (end > this.slabTo) {
      const slab = this.bytes.slice(from, from + slabBytes)
      this.slab = slab.buffer
      this.slabFrom = from
      this.slabTo = from + slab.length
    }
    return new Uint8Array(this.slab, from - this.slabFrom, size)
  }
}
