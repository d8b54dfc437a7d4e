/**
 * Making two views equal that differ: one side sends what it believes without the bodies, the other
 * answers with what is newer and asks for what it lacks (docs/protocol.md, section "Anti-entropy").
 */
import type { SyncDelta, SyncDigest } from "../protocol/Frame.ts"
import { compareNames } from "../protocol/PeerName.ts"
import type { Key } from "../protocol/PeerRecord.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import * as Draft from "./Draft.ts"
import * as RecordMerge from "./recordMerge.ts"
import * as State from "./State.ts"

const keyOf = ({ name, generation, incarnation, status }: PeerRecord.PeerRecord): Key => ({
  name,
  generation,
  incarnation,
  status,
})

/**
 * A link is up and the other side's view differed. Who has no other link asks at once: it is just starting, or was cut off.
 * Among others the lower name does, unless an exchange is under way or was just now: while many meet, the views differ all
 * the time, and the heartbeats find what is left.
 */
export const onLinkUp = (draft: Draft.Draft, peer: string, theirs: bigint): void => {
  const { self, viewHash } = draft.state
  if (theirs === viewHash) return
  if (State.linked(draft.state).length === 1) return start(draft, peer)
  if (compareNames(self.name, peer) < 0 && mayStart(draft)) start(draft, peer)
}

/** One exchange at a time, and not one right after the other. */
const mayStart = ({ now, state }: Draft.Draft): boolean =>
  state.sync === undefined && now >= state.lastSyncAt + state.settings.syncInterval

const start = (draft: Draft.Draft, peer: string): void => {
  draft.state.sync = { peer, startedAt: draft.now }
  draft.state.lastSyncAt = draft.now
  sendDigest(draft, peer)
}

/**
 * A heartbeat brought another view hash. The second in a row with the same two hashes starts an
 * exchange, unless one is under way, was just now, or could not make these two equal lately.
 */
export const onHeartbeat = (draft: Draft.Draft, peer: string, theirs: bigint): void => {
  const { state } = draft
  const { settings, viewHash: mine } = state
  const member = state.members.get(peer)
  if (member === undefined || theirs === mine) return
  if (member.mismatch?.mine !== mine || member.mismatch.theirs !== theirs) {
    Draft.editMember(draft, peer, { mismatch: { mine, theirs } })
    return
  }
  const { synced } = member
  if (synced?.mine === mine && synced.theirs === theirs && draft.now < synced.at + settings.syncRetry) return
  if (!mayStart(draft)) return
  Draft.editMember(draft, peer, { synced: { mine, theirs, at: draft.now } })
  start(draft, peer)
}

const sendDigest = (draft: Draft.Draft, peer: string): void => {
  const entries = [keyOf(draft.state.self)]
  for (const member of draft.state.members.values()) entries.push(keyOf(member.record))
  Draft.send(draft, [peer], { _tag: "SyncDigest", entries, last: true })
}

/** The other side's beliefs: answered when the last chunk is here. */
export const receiveDigest = (draft: Draft.Draft, from: string, { entries, last }: SyncDigest): void => {
  const { state } = draft
  const digest = [...(state.digests.get(from) ?? []), ...entries]
  const digests = new Map(state.digests)
  digests.delete(from)
  state.digests = digests
  if (digest.length > state.settings.maxMembers + 1) {
    return Draft.diagnose(draft, `${from} sent a digest of more members than the bound; ignored`)
  }
  if (last) answer(draft, from, digest)
  else digests.set(from, digest)
}

const answer = (draft: Draft.Draft, from: string, digest: ReadonlyArray<Key>): void => {
  const { state } = draft
  const records: Array<PeerRecord.PeerRecord> = []
  const want: Array<string> = []
  const mentioned = new Set<string>()
  for (const entry of digest) {
    mentioned.add(entry.name)
    if (entry.name === state.self.name) {
      RecordMerge.refute(draft, entry)
      if (PeerRecord.compareKeys(draft.state.self, entry) > 0) records.push(draft.state.self)
      continue
    }
    const member = state.members.get(entry.name)
    const tombstone = state.tombstones.get(entry.name)
    const known: Key | undefined = member?.record ?? tombstone
    const order = known === undefined ? -1 : PeerRecord.compareKeys(known, entry)
    if (order < 0) want.push(entry.name)
    else if (order > 0 && member !== undefined) records.push(member.record)
    else if (order > 0 && tombstone !== undefined) records.push(Draft.recordOf(tombstone))
  }
  for (const member of state.members.values()) {
    if (!mentioned.has(member.record.name)) records.push(member.record)
  }
  if (!mentioned.has(state.self.name)) records.push(draft.state.self)
  // Even nothing is an answer: it ends the exchange.
  Draft.send(draft, [from], { _tag: "SyncDelta", records, want })
}

/** What the other side knows better, and what it wants to know. */
export const receiveDelta = (draft: Draft.Draft, from: string, { records, want }: SyncDelta): void => {
  if (draft.state.sync?.peer === from) draft.state.sync = undefined
  for (const record of records) RecordMerge.mergeRecord(draft, record, from)
  const wanted: Array<PeerRecord.PeerRecord> = []
  for (const name of want) {
    const record = name === draft.state.self.name ? draft.state.self : draft.state.members.get(name)?.record
    if (record !== undefined) wanted.push(record)
  }
  if (wanted.length > 0) Draft.send(draft, [from], { _tag: "SyncDelta", records: wanted, want: [] })
}

/** The peer is gone, and with it what was under way. */
export const forget = (draft: Draft.Draft, peer: string): void => {
  if (draft.state.sync?.peer === peer) draft.state.sync = undefined
  if (draft.state.digests.has(peer)) {
    const digests = new Map(draft.state.digests)
    digests.delete(peer)
    draft.state.digests = digests
  }
}

/** An exchange without an answer is given up. */
export const expire = (draft: Draft.Draft): void => {
  const { sync, settings } = draft.state
  if (sync !== undefined && draft.now >= sync.startedAt + settings.syncTimeout) draft.state.sync = undefined
}
