/**
 * R9 (leaving): a leaving node sends Leave to every peer with a link and waits for the acknowledgements, for a limited
 * time.
 */
import type { PeerId } from "../Peer.ts"
import * as Draft from "./Draft.ts"
import * as Gossip from "./gossip.ts"
import * as RecordMerge from "./recordMerge.ts"

/**
 * Starts to leave. Sends this node's waiting record before Leave. Each peer ends the life at the incarnation that it
 * holds, and a greater incarnation that arrives later would undo the leave.
 */
export const leave = (draft: Draft.Draft): void => {
  const { state } = draft
  if (state.phase._tag !== "Running") return
  Gossip.flush(draft)
  state.self = { ...state.self, status: "left" }
  const awaiting = new Set(state.linked)
  state.phase = { _tag: "Leaving", awaiting, until: draft.now + state.settings.leaveTimeout }
  Draft.send(draft, [...awaiting], { _tag: "Leave", generation: state.self.generation })
  stopIfDone(draft)
}

/**
 * Acknowledges the Leave of a peer and ends the life of the peer. Ignores a Leave whose generation differs from the
 * generation of the link.
 */
export const onLeave = (draft: Draft.Draft, from: PeerId, generation: number): void => {
  if (generation !== from.generation) return
  Draft.send(draft, [from.name], { _tag: "LeaveAck", generation })
  const member = draft.state.members.get(from.name)
  if (member?.record.generation === generation) RecordMerge.endLife(draft, member, member.record, true)
}

/** Stops waiting for a peer that acknowledged the Leave or lost its link. */
export const stopAwaiting = (draft: Draft.Draft, name: string): void => {
  const { phase } = draft.state
  if (phase._tag !== "Leaving" || !phase.awaiting.has(name)) return
  const awaiting = new Set(phase.awaiting)
  awaiting.delete(name)
  draft.state.phase = { ...phase, awaiting }
  stopIfDone(draft)
}

/** Stops this node if it waits for no peer any more, or its time has passed. */
export const stopIfDone = (draft: Draft.Draft): void => {
  const { phase } = draft.state
  if (phase._tag === "Leaving" && (phase.awaiting.size === 0 || draft.now >= phase.until)) Draft.stop(draft, "left")
}
