/**
 * The record of this node, which only this node writes.
 */
import * as Equal from "effect/Equal"
import type { PeerRecord } from "../protocol/PeerRecord.ts"
import { memberHash } from "../protocol/PeerRecord.ts"
import * as Draft from "./Draft.ts"
import * as Gossip from "./gossip.ts"
import * as State from "./State.ts"

/**
 * Begins another incarnation of this node and broadcasts its record. The record gets the metadata that wait to be published, so that
 * accusations without a pause do not delay them.
 */
export const updateSelf = (
  draft: Draft.Draft,
  changes: Pick<PeerRecord, "incarnation"> & Partial<Pick<PeerRecord, "generation">>,
): void => {
  const { now, state } = draft
  state.raisedAt = now
  state.viewHash ^= state.selfHash
  state.self = { ...state.self, ...changes, body: State.selfBody(state) }
  state.unpublished = undefined
  state.selfHash = memberHash(state.self)
  state.viewHash ^= state.selfHash
  Gossip.broadcast(draft, state.self)
}

/**
 * Begins a newer life of this node (R8). Only a node that has met no peer does so, because no peer knows its
 * generation.
 */
export const raiseGeneration = (draft: Draft.Draft, generation: number): void => {
  updateSelf(draft, { generation, incarnation: 0 })
  announceSelf(draft)
}

/** Emits `SelfChanged` if the application sees a change of this node. */
export const announceSelf = (draft: Draft.Draft): void => {
  const self = State.selfPeer(draft.state)
  if (!Equal.equals(self, draft.state.view.self)) Draft.emit(draft, { _tag: "SelfChanged", self })
}
