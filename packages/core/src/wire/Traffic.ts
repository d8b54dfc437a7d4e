/**
 * Counters of the frames of all links and of their bytes, by kind. Counting costs two additions per frame. Metrics read
 * the sums.
 */
import { kinds } from "./FrameTable.ts"

export interface Traffic {
  /** Number of frames, at the index of their kind. */
  readonly frames: Float64Array
  /** Bytes of the frames with their headers, at the index of their kind. */
  readonly bytes: Float64Array
}

/** Index for frames whose kind this version does not know. Zero is not a kind. */
export const unknownKind = 0

const size = Math.max(...Object.values(kinds)) + 1

/** Returns counters that start at zero. */
export const make = (): Traffic => ({ frames: new Float64Array(size), bytes: new Float64Array(size) })

/** Counts a frame of `length` bytes with its header. */
export const count = ({ bytes, frames }: Traffic, kind: number, length: number): void => {
  frames[kind] = (frames[kind] ?? 0) + 1
  bytes[kind] = (bytes[kind] ?? 0) + length
}
