/**
 * R7 (accusations of this node) and R8 (newer lives of this node's name): refutes what others believe about this node, takes a
 * higher generation, or stops.
 */
import type { PeerId } from "../Peer.ts"
import type { YouAreBelief } from "../protocol/Frame.ts"
import { maxIncarnation } from "../protocol/constants.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import * as Draft from "./Draft.ts"
import * as Gossip from "./gossip.ts"
import * as Health from "./health.ts"
import { generationLead, incarnationLead } from "./Settings.ts"

/** Replaces fields of this node's own record and broadcasts it. */
const updateSelf = (draft: Draft.Draft, changes: Partial<PeerRecord.PeerRecord>): void => {
  const { state } = draft
  state.viewHash ^= state.selfHash
  state.self = { ...state.self, ...changes }
  state.selfHash = PeerRecord.memberHash(state.self)
  state.viewHash ^= state.selfHash
  Gossip.broadcast(draft, state.self)
}

/** Replaces the metadata of this node, in the next incarnation. A node that leaves writes no record of itself any more. */
export const setMetadata = (draft: Draft.Draft, metadata: PeerRecord.Body["metadata"]): void => {
  if (draft.state.phase._tag !== "Running") return
  const { body, incarnation } = draft.state.self
  updateSelf(draft, {
    body: { ...body, metadata },
    incarnation: Math.min(incarnation + 1, maxIncarnation),
  })
}

/**
 * Handles a belief of another peer about this node: refutes an accusation with a greater incarnation (R7). A node that has met
 * nobody and is said to have left restarted within the millisecond in which its earlier life began, and begins a newer one.
 */
export const refute = (draft: Draft.Draft, belief: YouAreBelief): void => {
  const { members, phase, self } = draft.state
  if (phase._tag !== "Running" || belief.generation < self.generation) return
  if (belief.generation > self.generation) {
    return isTooFarAhead(draft, belief.generation) ? diagnoseGeneration(draft) : Draft.stop(draft, "superseded")
  }
  const isNewer =
    belief.status === "alive" ? belief.incarnation > self.incarnation : belief.incarnation >= self.incarnation
  if (!isNewer) return
  if (belief.status === "left" && members.size === 0) return raiseGeneration(draft, self.generation + 1)
  if (belief.incarnation > Math.min(self.incarnation + incarnationLead, maxIncarnation - 1)) {
    return Draft.diagnose(draft, "an incarnation of this node far beyond its own was claimed; ignored")
  }
  // Another peer lost this node for a while, and the fault may be this node's own.
  if (belief.status !== "alive") Health.worsen(draft)
  updateSelf(draft, { incarnation: belief.incarnation + 1 })
}

/** Handles a record of this node that another peer has. A second body under its incarnation is replaced by the next one. */
export const refuteRecord = (draft: Draft.Draft, record: PeerRecord.PeerRecord): void => {
  const { self, phase } = draft.state
  const hasOtherBody =
    PeerRecord.compareKeys(record, self) === 0 && PeerRecord.bodyHash(record.body) !== PeerRecord.bodyHash(self.body)
  if (phase._tag === "Running" && hasOtherBody) return updateSelf(draft, { incarnation: self.incarnation + 1 })
  refute(draft, record)
}

/**
 * Handles HelloReject `stale`: a newer life of this node's name is known (R8). The clock was set back, or this node restarted
 * within a millisecond. A node that has met nobody takes a higher generation; any other is superseded.
 */
export const onGenerationOutdated = (draft: Draft.Draft, atLeastGeneration: number): void => {
  const { self, members, phase, raised } = draft.state
  // A node that raised its generation may be told so in answer to an earlier Hello: the newer life is its own.
  const known = raised ? self.generation + 1 : self.generation
  if (phase._tag !== "Running" || atLeastGeneration <= known) return
  if (isTooFarAhead(draft, atLeastGeneration)) return diagnoseGeneration(draft)
  if (members.size > 0) return Draft.stop(draft, "superseded")
  raiseGeneration(draft, atLeastGeneration)
}

const raiseGeneration = (draft: Draft.Draft, generation: PeerId["generation"]): void => {
  draft.state.raised = true
  updateSelf(draft, { generation, incarnation: 0 })
}

const isTooFarAhead = ({ now, state }: Draft.Draft, generation: number): boolean =>
  generation > now + state.wallOffset + generationLead

const diagnoseGeneration = (draft: Draft.Draft): void =>
  Draft.diagnose(draft, "a generation of this node's own name more than a day ahead was claimed; ignored")
