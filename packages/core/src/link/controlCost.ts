/**
 * Cost of control frames by the work of their receiver (docs/protocol.md, section "Rate"). A peer that sends few frames
 * with long lists must not cost this node more than a peer that sends many small frames.
 */
import { bytesPerControl, entriesPerControl } from "../protocol/constants.ts"
import type { ControlFrame } from "../protocol/Frame.ts"

/**
 * Returns the number of frames that a frame of this size counts as. Returns 0 for frames whose number the other side
 * limits by its own frames.
 */
export const controlCost = (frame: ControlFrame, bytes: number): number =>
  isFree(frame) ? 0 : 1 + Math.floor(entriesOf(frame) / entriesPerControl) + Math.floor(bytes / bytesPerControl)

const isFree = ({ _tag }: ControlFrame): boolean =>
  _tag === "Credit" || _tag === "Taken" || _tag === "LaneClose" || _tag === "LaneClosed" || _tag === "Bye"

const entriesOf = (frame: ControlFrame): number => {
  switch (frame._tag) {
    case "Update":
      return frame.records.length
    case "SyncDigest":
      return frame.entries.length
    case "SyncDelta":
      return frame.records.length + frame.want.length
    case "LaneOpen":
      return frame.lanes.length
    default:
      return 0
  }
}
