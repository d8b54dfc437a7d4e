/**
 * R7 (accusations of this node): refutes the beliefs of other peers about this node.
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
 * Replaces the metadata of this node. The record of this node gets the metadata at the next flush, so that all changes
 * within `updateDelay` share one incarnation. Until then the record has the earlier body, because one incarnation has
 * one body. The application of this node sees the new metadata at once. A leaving node ignores the change.
 */
export const setMetadata = (draft: Draft.Draft, metadata: PeerRecord.Body["metadata"]): void => {
  if (draft.state.phase._tag !== "Running") return
  draft.state.unpublished = metadata
  announceSelf(draft)
  Gossip.scheduleFlush(draft)
}

/** Returns the earliest time of the next incarnation that does not refute an accusation. */
export const nextIncarnationAt = ({ state }: Draft.Draft): number =>
  state.raisedAt + Plausibility.ownIncarnationInterval

/** Returns whether this node may publish its next incarnation now. */
export const mayRaise = (draft: Draft.Draft): boolean => draft.now >= nextIncarnationAt(draft)

/**
 * Publishes the metadata that was set since the last flush, in the next incarnation. A leaving node does not write
 * records any more.
 */
export const publishMetadata = (draft: Draft.Draft): void => {
  const { phase, self, unpublished } = draft.state
  if (unpublished === undefined || phase._tag !== "Running") return
  updateSelf(draft, { incarnation: Math.min(self.incarnation + 1, maxIncarnation) })
}

/**
 * Handles the belief of another peer about this node. Refutes an accusation with a greater incarnation (R7). If a peer
 * believes that this node left and this node has met no peer, this node restarted within the millisecond in which its
 * earlier life began. It then begins a newer life. A belief about a newer life of this node's name is a claim (R8).
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
    return Draft.diagnose(
      draft,
      "ignored a belief about this node: its incarnation is far beyond the possible number for this node's age",
    )
  }
  // Another peer lost contact with this node for a while, and the fault may be this node's own.
  if (belief.status !== "alive") Health.worsen(draft)
  updateSelf(draft, { incarnation: belief.incarnation + 1 })
}

/**
 * Handles a record of this node that the peer `from` sent. If the record has another body for the current incarnation,
 * takes the next incarnation, at most once per {@link Plausibility.ownIncarnationInterval}. Anti-entropy delivers a
 * body that still differs later.
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
