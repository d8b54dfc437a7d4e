/**
 * How many frames went over the wire, and how many bytes they took, by kind. Plain sums: two additions for each frame,
 * and whoever wants to know reads them.
 */
import * as Layout from "./Layout.ts"

export interface Traffic {
  /** Frames, at the number of their kind. */
  readonly frames: Float64Array
  /** Their bytes with headers, at the number of their kind. */
  readonly bytes: Float64Array
}

/** Where frames of kinds that this version does not know are counted. Zero is never a kind. */
export const unknownKind = 0

const size = Math.max(...Object.values(Layout.kinds)) + 1

export const make = (): Traffic => ({ frames: new Float64Array(size), bytes: new Float64Array(size) })

export const count = ({ bytes, frames }: Traffic, kind: number, length: number): void => {
  frames[kind] = (frames[kind] ?? 0) + 1
  bytes[kind] = (bytes[kind] ?? 0) + length
}
