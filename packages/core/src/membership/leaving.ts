/**
 * R9 (leaving): a leaving node sends Leave to every peer with a link and waits for the acknowledgements, for a bounded time.
 */
import type { PeerId } from "../Peer.ts"
import * as Draft from "./Draft.ts"
import * as Gossip from "./gossip.ts"
import * as RecordMerge from "./recordMerge.ts"

/**
 * Starts to leave. Sends its own waiting record before Leave: each peer takes the incarnation that it holds for the one that
 * left, and a greater one that came later would undo that.
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

/** Acknowledges the Leave of a peer and ends its life. A Leave with another generation than the link's is ignored. */
export const onLeave = (draft: Draft.Draft, from: PeerId, generation: number): void => {
  if (generation !== from.generation) return
  Draft.send(draft, [from.name], { _tag: "LeaveAck", generation })
  const member = draft.state.members.get(from.name)
  if (member?.record.generation === generation) RecordMerge.endLife(draft, member, member.record)
}

/** Waits no longer for a peer: it acknowledged, or its link is lost. */
export const stopAwaiting = (draft: Draft.Draft, name: string): void => {
  const { phase } = draft.state
  if (phase._tag !== "Leaving" || !phase.awaiting.has(name)) return
  const awaiting = new Set(phase.awaiting)
  awaiting.delete(name)
  draft.state.phase = { ...phase, awaiting }
  stopIfDone(draft)
}

/** Stops this node if it awaits nobody any more, or its time is over. */
export const stopIfDone = (draft: Draft.Draft): void => {
  const { phase } = draft.state
  if (phase._tag === "Leaving" && (phase.awaiting.size === 0 || draft.now >= phase.until)) Draft.stop(draft, "left")
}
