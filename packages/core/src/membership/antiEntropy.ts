/**
 * Anti-entropy (docs/protocol.md, section "Anti-entropy"): exchanges records between two nodes whose views differ,
 * until the views are equal. One node sends a digest, the keys of all its records. The other node answers with a delta:
 * the records that it has in a greater version, and the names of the records that it asks for (`answers.ts`).
 */
import { compareNames } from "../protocol/PeerName.ts"
import type { SyncDelta, SyncDigest } from "../protocol/Frame.ts"
import type { Key, PeerRecord } from "../protocol/PeerRecord.ts"
import * as Answers from "./answers.ts"
import * as Draft from "./Draft.ts"
import * as Member from "./Member.ts"
import { newestRecords } from "./newestRecords.ts"
import * as RecordMerge from "./recordMerge.ts"

/**
 * Starts an exchange over a new link if the views differ. A node without another link starts at once, because it is new
 * or was cut off. Otherwise the node with the lower name starts, if it may start an exchange. Views differ all the time
 * while many peers connect. Heartbeats find the differences that remain.
 */
export const onLinkUp = (draft: Draft.Draft, peer: string, theirs: bigint): void => {
  const { self, viewHash } = draft.state
  if (theirs === viewHash) return
  if (draft.state.linked.size === 1) return start(draft, peer)
  if (compareNames(self.name, peer) < 0 && mayStart(draft)) start(draft, peer)
}

/**
 * Compares the view hash of a heartbeat with the view hash of this node. The second heartbeat in a row with the same
 * two hashes starts an exchange, if this node may start one. An exchange that failed to make these two hashes equal is
 * not repeated for `syncRetry`.
 */
export const onViewHash = (draft: Draft.Draft, peer: string, theirs: bigint): void => {
  const { settings, viewHash: mine } = draft.state
  const member = draft.state.members.get(peer)
  if (member === undefined || !Member.isLinked(member) || theirs === mine) return
  const { reach } = member
  const { mismatch, synced: last } = reach
  if (mismatch?.mine !== mine || mismatch.theirs !== theirs) {
    Draft.updateMember(draft, { ...member, reach: { ...reach, mismatch: { mine, theirs } } })
    return
  }
  if (last?.mine === mine && last.theirs === theirs && draft.now < last.at + settings.syncRetry) return
  if (!mayStart(draft) || isPaused(draft, reach)) return
  const synced = { mine, theirs, at: draft.now }
  Draft.updateMember(draft, { ...member, reach: { ...reach, synced, fruitless: countExchange(draft, reach) } })
  start(draft, peer)
}

/** Returns whether no exchange is under way, and the last one started at least `syncInterval` ago. */
const mayStart = ({ now, state }: Draft.Draft): boolean =>
  state.sync === undefined && now >= state.lastSyncAt + state.settings.syncInterval

/**
 * Returns whether this node waits before it starts another exchange with the peer: not after the first exchange that
 * changed nothing here, then one second, and twice as long after each further one, up to `syncRetry`. All peers share
 * the exchanges that this node may start, and a faulty peer could otherwise take them all.
 */
const isPaused = ({ now, state }: Draft.Draft, { fruitless }: Member.Linked): boolean =>
  fruitless !== undefined &&
  fruitless.count > 1 &&
  now < fruitless.at + Math.min(state.settings.syncRetry, firstPause * 2 ** (fruitless.count - 2))

/** First pause between two exchanges with one peer, in milliseconds. */
const firstPause = 1_000

/** Counts an exchange with the peer, and forgets the earlier ones if they are long ago. */
const countExchange = ({ now, state }: Draft.Draft, { fruitless }: Member.Linked): Member.Linked["fruitless"] => {
  const isRecent = fruitless !== undefined && now < fruitless.at + 2 * state.settings.syncRetry
  return { count: isRecent ? fruitless.count + 1 : 1, at: now }
}

const start = (draft: Draft.Draft, peer: string): void => {
  const { now, state } = draft
  state.sync = { peer, startedAt: now }
  state.lastSyncAt = now
  const entries = [keyOf(state.self)]
  for (const member of state.members.values()) entries.push(keyOf(member.record))
  Draft.send(draft, [peer], { _tag: "SyncDigest", entries, last: true })
}

const keyOf = ({ name, generation, incarnation, status }: PeerRecord): Key => ({
  name,
  generation,
  incarnation,
  status,
})

/** Collects a digest, and answers it after the last frame of the digest. */
export const onDigest = (draft: Draft.Draft, from: string, { entries, last }: SyncDigest): void => {
  const { state } = draft
  const digest = [...(state.digests.get(from) ?? []), ...entries]
  const digests = new Map(state.digests)
  digests.delete(from)
  state.digests = digests
  if (digest.length > state.settings.maxMembers + 1) {
    return Draft.diagnose(
      draft,
      `ignored a digest from ${from}: it has more entries than the maximum number of members`,
    )
  }
  if (last) Answers.answerDigest(draft, from, digest)
  else digests.set(from, digest)
}

/** Merges the records of an answer, and sends the records that the peer asks for. */
export const onDelta = (draft: Draft.Draft, from: string, { records, want }: SyncDelta): void => {
  const { state } = draft
  if (state.sync?.peer === from) state.sync = undefined
  const { viewHash } = state
  for (const record of newestRecords(records)) RecordMerge.mergeRecord(draft, record, from)
  const member = state.members.get(from)
  if (state.viewHash !== viewHash && member !== undefined && Member.isLinked(member)) {
    Draft.updateMember(draft, { ...member, reach: { ...member.reach, fruitless: undefined } })
  }
  Answers.answerWant(draft, from, want)
}

/** Drops the exchange, the incomplete digest and the answer of a peer whose link is lost or belongs to a newer life. */
export const onLinkDown = (draft: Draft.Draft, peer: string): void => {
  const { state } = draft
  Answers.forget(draft, peer)
  if (state.sync?.peer === peer) state.sync = undefined
  if (!state.digests.has(peer)) return
  const digests = new Map(state.digests)
  digests.delete(peer)
  state.digests = digests
}

/** Gives up an exchange without an answer after `syncTimeout`. */
export const expire = (draft: Draft.Draft): void => {
  const { sync, settings } = draft.state
  if (sync !== undefined && draft.now >= sync.startedAt + settings.syncTimeout) draft.state.sync = undefined
}
