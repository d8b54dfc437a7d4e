/** Readable texts of control frames for traces, one line each. They are not a serialization. */
import type * as Frame from "../protocol/Frame.ts"
import type { Key, PeerRecord } from "../protocol/PeerRecord.ts"
import { type LaneNames, otherSide, type Side } from "./LaneNames.ts"

const keyText = ({ generation, incarnation, name, status }: Key): string =>
  `${name} ${status} ${generation}.${incarnation}`

const recordText = (record: PeerRecord): string =>
  `${keyText(record)}${record.by === undefined ? "" : ` by ${record.by}`}${record.refused === true ? ", refused" : ""}`

const youAreText = ({ generation, incarnation, status }: Frame.YouAreBelief): string =>
  `you are ${status} ${generation}.${incarnation}`

const list = (texts: ReadonlyArray<string>): string => (texts.length === 0 ? "nothing" : texts.join("; "))

const joinFacts = (...facts: ReadonlyArray<string | undefined>): string =>
  facts.filter((fact) => fact !== undefined).join(", ")

const beliefText = (belief: Frame.YouAreBelief | undefined): string | undefined =>
  belief === undefined ? undefined : youAreText(belief)

/** Returns the text of a frame that is not about lanes. */
const nodeText = (frame: Exclude<Frame.ControlFrame, Frame.LaneFrame>): string => {
  switch (frame._tag) {
    case "Hello":
      return joinFacts(`cluster ${frame.label}`, recordText(frame.record), frame.join === true ? "join" : undefined)
    case "HelloAck":
      return joinFacts(recordText(frame.record), beliefText(frame.youAre))
    case "HelloReject":
    case "Bye":
      return frame.message === "" ? frame.code : `${frame.code}: ${frame.message}`
    case "Ready":
      return joinFacts(`incarnation ${frame.incarnation}`, beliefText(frame.youAre))
    case "Ping":
    case "Pong":
      return joinFacts(String(frame.seq), `view ${frame.viewHash.toString(16)}`, `lag ${frame.lag} ms`)
    case "Update":
      return list(frame.records.map(recordText))
    case "YouAre":
      return youAreText(frame)
    case "ProbeRequest":
      return `${frame.id}: ${frame.target} ${frame.generation}, within ${frame.deadline} ms`
    case "ProbeResult":
      return `${frame.id}: ${frame.verdict}`
    case "SyncDigest":
      return list(frame.entries.map(keyText))
    case "SyncDelta":
      return `${list(frame.records.map(recordText))}; wants ${list(frame.want)}`
    case "Leave":
    case "LeaveAck":
      return `generation ${frame.generation}`
  }
}

/** Returns the text of a control frame that `sender` wrote. `lanes` must know the lanes that the frame opens. */
export const controlText = (frame: Frame.ControlFrame, sender: Side, lanes: LaneNames): string => {
  switch (frame._tag) {
    case "LaneOpen":
      return list(frame.lanes.map(({ name, window }) => `${name} with ${window} bytes`))
    case "LaneClose":
      return lanes.nameOf(sender, frame.lane)
    case "LaneClosed":
      return lanes.nameOf(otherSide(sender), frame.lane)
    case "Credit":
      return `${lanes.nameOf(sender, frame.lane)}, ${frame.bytes} bytes`
    case "Taken":
      return `${lanes.nameOf(sender, frame.lane)}, ${frame.id}`
    default:
      return nodeText(frame)
  }
}
