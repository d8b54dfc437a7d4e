/**
 * Cost of frames in credit, and the fragment sizes that follow from it (docs/protocol.md, section "Lanes and credit").
 * Both ends of a lane compute them.
 */
import { dataOverhead, maxFragmentBytes, minWindow } from "../protocol/constants.ts"

/** Returns the cost of a Data frame with a payload of this size, in bytes of credit. */
export const cost = (payloadBytes: number): number => payloadBytes + dataOverhead

/**
 * Returns the maximum payload of one frame on a lane with this window. A frame costs at most half the window, so that
 * the receiver can grant credit while another frame is in flight.
 */
export const fragmentBytes = (window: number): number =>
  Math.min(maxFragmentBytes, Math.floor(window / 2) - dataOverhead)

/**
 * Minimum payload of a fragment that is not the last: the fragment size of the smallest window. Without a minimum, a
 * message could arrive in any number of fragments, and each fragment takes memory beyond its bytes.
 */
export const minFragmentBytes = fragmentBytes(minWindow)
