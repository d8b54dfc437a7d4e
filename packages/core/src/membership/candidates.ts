/**
 * R1 (gossip makes candidates) and the second half of R2 (a candidate that another member reaches becomes a member).
 */
import * as PeerRecord from "../protocol/PeerRecord.ts"
import * as Draft from "./Draft.ts"
import * as Gossip from "./gossip.ts"
import * as Member from "./Member.ts"
import type { Candidate } from "./State.ts"

/**
 * Stores a record of a life that this node has not met, and gossips the record. At the maximum number of members, the
 * announcer with the most candidates loses a candidate to this record. A record that replaces a candidate this way is
 * not gossiped. Otherwise nodes at the maximum would gossip without end, because each new candidate makes the next node
 * drop another. Later records do not prolong the time of a candidate.
 */
export const add = (draft: Draft.Draft, record: PeerRecord.PeerRecord, from: string): void => {
  const { candidates, members, settings } = draft.state
  const known = candidates.get(record.name)
  if (known !== undefined && PeerRecord.compare(record, known.record) <= 0) return
  const isFull = known === undefined && candidates.size + members.size >= settings.maxMembers
  if (isFull && !makeRoomFor(draft, from)) {
    return Draft.diagnose(
      draft,
      `ignored the peer "${record.name}" from ${from}: the maximum number of members and candidates is reached`,
    )
  }
  const isSameLife = known?.record.generation === record.generation
  Draft.setCandidate(draft, record.name, {
    record,
    expiresAt: isSameLife ? known.expiresAt : draft.now + settings.candidateTimeout,
    announcer: isSameLife ? known.announcer : from,
  })
  if (!isFull) Gossip.gossip(draft, record)
}

/** Drops a candidate of the announcer with the most candidates, if that announcer has more than `from` would have. */
const makeRoomFor = (draft: Draft.Draft, from: string): boolean => {
  const { announced, candidates } = draft.state
  let most = (announced.get(from) ?? 0) + 1
  // If `from` would have more than half of all candidates, no other announcer has more.
  if (2 * most > candidates.size) return false
  let dropped: string | undefined
  for (const [announcer, count] of announced) {
    if (count <= most) continue
    most = count
    dropped = announcer
  }
  if (dropped === undefined) return false
  for (const [name, { announcer }] of candidates) {
    if (announcer !== dropped) continue
    Draft.setCandidate(draft, name, undefined)
    return true
  }
  return false
}

/** Removes the candidate of a life that ended, or of an earlier life. */
export const removeUpTo = (draft: Draft.Draft, { generation, name }: PeerRecord.PeerRecord): void => {
  const candidate = draft.state.candidates.get(name)
  if (candidate !== undefined && candidate.record.generation <= generation) Draft.setCandidate(draft, name, undefined)
}

/** Removes the candidates whose time has passed. */
export const expire = (draft: Draft.Draft): void => {
  if (draft.now < draft.state.nextExpiry) return
  let nextExpiry = Number.POSITIVE_INFINITY
  for (const [name, { expiresAt }] of draft.state.candidates) {
    if (draft.now >= expiresAt) Draft.setCandidate(draft, name, undefined)
    else nextExpiry = Math.min(nextExpiry, expiresAt)
  }
  draft.state.nextExpiry = nextExpiry
}

/**
 * R2: makes a candidate that `by` reaches a member, unless the candidate is accused or an older life of it has a link.
 */
export const promote = (draft: Draft.Draft, { record }: Candidate, by: string): void => {
  const older = draft.state.members.get(record.name)
  if (record.status !== "alive" || (older !== undefined && Member.isLinked(older))) return
  Draft.removeTombstone(draft, record.name)
  Draft.removeReportedEnd(draft, record)
  Draft.setCandidate(draft, record.name, undefined)
  Draft.addMember(draft, Member.make(record, "Indirect", { lastReachedBy: by }))
}

/** Returns the number of candidates with a probe round. */
export const countRounds = ({ state: { candidates, rounds } }: Draft.Draft): number => {
  let count = 0
  for (const name of rounds.keys()) if (candidates.has(name)) count++
  return count
}
