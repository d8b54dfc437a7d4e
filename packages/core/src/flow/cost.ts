/**
 * Cost of frames in credit, and the sizes of fragments that follow from it (docs/protocol.md, section "Lanes and credit").
 * Both ends of a lane compute them.
 */
import { dataOverhead, maxFragmentBytes, minWindow } from "../protocol/constants.ts"

/** Returns the cost of a Data frame with a payload of this size, in bytes of credit. */
export const cost = (payloadBytes: number): number => payloadBytes + dataOverhead

/**
 * Returns the maximum payload of one frame on a lane with this window. A frame costs half the window at most, so that the
 * receiver grants credit while another frame is on its way.
 */
export const fragmentBytes = (window: number): number =>
  Math.min(maxFragmentBytes, Math.floor(window / 2) - dataOverhead)

/**
 * Minimum payload of a fragment that is not the last: what the smallest window allows. Without a minimum a message could
 * come in any number of fragments, and each of them takes memory beyond its bytes.
 */
export const minFragmentBytes = fragmentBytes(minWindow)
