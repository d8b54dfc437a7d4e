/**
 * The record of this node itself, which only this node writes.
 */
import type { PeerRecord } from "../protocol/PeerRecord.ts"
import { memberHash } from "../protocol/PeerRecord.ts"
import type * as Draft from "./Draft.ts"
import * as Gossip from "./gossip.ts"

/** Replaces fields of this node's own record and broadcasts it. */
export const updateSelf = (draft: Draft.Draft, changes: Partial<PeerRecord>): void => {
  const { state } = draft
  state.viewHash ^= state.selfHash
  state.self = { ...state.self, ...changes }
  state.selfHash = memberHash(state.self)
  state.viewHash ^= state.selfHash
  Gossip.broadcast(draft, state.self)
}

/** Begins a newer life of this node (R8). Only a node that has met nobody does, for nobody knows it by its generation. */
export const raiseGeneration = (draft: Draft.Draft, generation: number): void =>
  updateSelf(draft, { generation, incarnation: 0 })
