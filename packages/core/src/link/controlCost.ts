/**
 * Cost of control frames by the work that they are (docs/protocol.md, section "Rate"). A peer that sends few frames with
 * long lists must not keep this node busier than one that sends many small ones.
 */
import { bytesPerControl, entriesPerControl } from "../protocol/constants.ts"
import type { ControlFrame } from "../protocol/Frame.ts"

/**
 * Returns for how many frames a frame of so many bytes counts. It is 0 for frames of which a peer can send no more than the other
 * side allowed or asked for.
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
