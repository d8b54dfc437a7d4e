/**
 * R7 (accusations of this node): refutes what others believe about this node.
 */
import type { YouAreBelief } from "../protocol/Frame.ts"
import { maxIncarnation } from "../protocol/constants.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import * as Draft from "./Draft.ts"
import * as Gossip from "./gossip.ts"
import * as Health from "./health.ts"
import * as Namesakes from "./namesakes.ts"
import * as Plausibility from "./plausibility.ts"
import { announceSelf, raiseGeneration, updateSelf } from "./selfRecord.ts"

/**
 * Replaces the metadata of this node. The own record gets them at the next flush, so that all that an application sets within
 * `updateDelay` takes one incarnation. Until then the record shows the earlier body, for one incarnation has one body; this node's
 * own application sees the new metadata at once. A leaving node changes no more.
 */
export const setMetadata = (draft: Draft.Draft, metadata: PeerRecord.Body["metadata"]): void => {
  if (draft.state.phase._tag !== "Running") return
  draft.state.unpublished = metadata
  announceSelf(draft)
  Gossip.scheduleFlush(draft)
}

/** Returns the earliest time of a next incarnation that refutes no accusation. */
export const nextIncarnationAt = ({ state }: Draft.Draft): number =>
  state.raisedAt + Plausibility.ownIncarnationInterval

/** Returns whether the next incarnation of this node may be published now. */
export const mayRaise = (draft: Draft.Draft): boolean => draft.now >= nextIncarnationAt(draft)

/** Publishes the metadata that were set since the last flush, in the next incarnation. A leaving node writes no record any more. */
export const publishMetadata = (draft: Draft.Draft): void => {
  const { phase, self, unpublished } = draft.state
  if (unpublished === undefined || phase._tag !== "Running") return
  updateSelf(draft, { incarnation: Math.min(self.incarnation + 1, maxIncarnation) })
}

/**
 * Handles a belief of another peer about this node: refutes an accusation with a greater incarnation (R7). A node that has met
 * nobody and is said to have left restarted within the millisecond in which its earlier life began, and begins a newer one. A
 * belief about a newer life of its name is a claim (R8).
 */
export const refute = (draft: Draft.Draft, belief: YouAreBelief, source?: Namesakes.ClaimSource): void => {
  const { members, phase, self } = draft.state
  if (phase._tag !== "Running" || belief.generation < self.generation) return
  if (belief.generation > self.generation) return Namesakes.onClaim(draft, belief.generation, source)
  const isNewer =
    belief.status === "alive" ? belief.incarnation > self.incarnation : belief.incarnation >= self.incarnation
  if (!isNewer) return
  if (belief.status === "left" && members.size === 0) return raiseGeneration(draft, self.generation + 1)
  if (!Plausibility.isRefutable(draft, belief.incarnation)) {
    return Draft.diagnose(draft, "an incarnation of this node far beyond what its age allows was claimed; ignored")
  }
  // Another peer lost this node for a while, and the fault may be this node's own.
  if (belief.status !== "alive") Health.worsen(draft)
  updateSelf(draft, { incarnation: belief.incarnation + 1 })
}

/**
 * Handles a record of this node that the peer `from` has. A second body under its incarnation is replaced by the next one, at most
 * once in {@link Plausibility.ownIncarnationInterval}: anti-entropy shows the node a body that is still different later.
 */
export const refuteRecord = (draft: Draft.Draft, record: PeerRecord.PeerRecord, from: string): void => {
  const { self, phase } = draft.state
  const hasOtherBody = PeerRecord.compareKeys(record, self) === 0 && !PeerRecord.isSameBody(record.body, self.body)
  if (phase._tag === "Running" && hasOtherBody && self.incarnation < maxIncarnation) {
    if (mayRaise(draft)) updateSelf(draft, { incarnation: self.incarnation + 1 })
    return
  }
  refute(draft, record, { addresses: record.body.addresses, announcer: from })
}
