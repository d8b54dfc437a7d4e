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

/**
 * Replaces the metadata of this node. The own record gets them at the next flush, so that all that an application sets within
 * `updateDelay` takes one incarnation. Until then the record shows the earlier body, for one incarnation has one body.
 */
export const setMetadata = (draft: Draft.Draft, metadata: PeerRecord.Body["metadata"]): void => {
  draft.state.unpublished = metadata
  Gossip.scheduleFlush(draft)
}

/** Publishes the metadata that were set since the last flush, in the next incarnation. */
export const publishMetadata = (draft: Draft.Draft): void => {
  const { phase, self, unpublished: metadata } = draft.state
  if (metadata === undefined || phase._tag !== "Running") return
  const { body, incarnation } = self
  draft.state.unpublished = undefined
  updateSelf(draft, {
    body: { ...body, metadata },
    incarnation: Math.min(incarnation + 1, maxIncarnation),
  })
}

/** Handles a belief of another peer about this node: refutes an accusation with a greater incarnation (R7). */
export const refute = (draft: Draft.Draft, belief: YouAreBelief): void => {
  const { self, phase } = draft.state
  if (phase._tag !== "Running" || belief.generation < self.generation) return
  if (belief.generation > self.generation) {
    return isTooFarAhead(draft, belief.generation) ? diagnoseGeneration(draft) : Draft.stop(draft, "superseded")
  }
  if (belief.status === "left") return Draft.stop(draft, "evicted")
  const isNewer =
    belief.status === "alive" ? belief.incarnation > self.incarnation : belief.incarnation >= self.incarnation
  if (!isNewer) return
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
  const hasOtherBody = PeerRecord.compareKeys(record, self) === 0 && !PeerRecord.isSameBody(record.body, self.body)
  if (phase._tag === "Running" && hasOtherBody && self.incarnation < maxIncarnation) {
    return updateSelf(draft, { incarnation: self.incarnation + 1 })
  }
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

/**
 * Handles HelloReject `evicted`: this generation has left. If this node has met nobody, its earlier life left within the same
 * millisecond, and it takes the next generation. A leaving node ignores it.
 */
export const onSelfEvicted = (draft: Draft.Draft): void => {
  const { members, phase, self } = draft.state
  if (phase._tag !== "Running") return
  if (members.size > 0) return Draft.stop(draft, "evicted")
  raiseGeneration(draft, self.generation + 1)
}

const raiseGeneration = (draft: Draft.Draft, generation: PeerId["generation"]): void => {
  draft.state.raised = true
  updateSelf(draft, { generation, incarnation: 0 })
}

const isTooFarAhead = ({ now, state }: Draft.Draft, generation: number): boolean =>
  generation > now + state.wallOffset + generationLead

const diagnoseGeneration = (draft: Draft.Draft): void =>
  Draft.diagnose(draft, "a generation of this node's own name more than a day ahead was claimed; ignored")
