/**
 * Going on purpose (R9): the leaver tells everybody it has a link to and waits for their
 * acknowledgements, for a bounded time.
 */
import type { PeerId } from "../Peer.ts"
import * as Draft from "./Draft.ts"
import * as RecordMerge from "./recordMerge.ts"
import * as State from "./State.ts"

/** This node leaves. */
export const leave = (draft: Draft.Draft): void => {
  const { state } = draft
  if (state.phase._tag !== "Running") return
  state.self = { ...state.self, status: "left" }
  const awaiting = new Set(State.linked(state))
  state.phase = { _tag: "Leaving", awaiting, until: draft.now + state.settings.leaveTimeout }
  Draft.send(draft, [...awaiting], { _tag: "Leave", generation: state.self.generation })
  settle(draft)
}

/** A peer leaves; only its own word counts. */
export const receiveLeave = (draft: Draft.Draft, from: PeerId, generation: number): void => {
  if (generation !== from.generation) return
  Draft.send(draft, [from.name], { _tag: "LeaveAck", generation })
  const member = draft.state.members.get(from.name)
  if (member?.record.generation === generation) RecordMerge.end(draft, member, member.record)
}

/** A peer knows that this node leaves, or cannot be told any more. */
export const forget = (draft: Draft.Draft, name: string): void => {
  const { phase } = draft.state
  if (phase._tag !== "Leaving" || !phase.awaiting.has(name)) return
  const awaiting = new Set(phase.awaiting)
  awaiting.delete(name)
  draft.state.phase = { ...phase, awaiting }
  settle(draft)
}

/** Ends the leaving when nobody is waited for, or the time is over. */
export const settle = (draft: Draft.Draft): void => {
  const { phase } = draft.state
  if (phase._tag === "Leaving" && (phase.awaiting.size === 0 || draft.now >= phase.until)) Draft.stop(draft, "left")
}
