/**
 * Answers to the requests of peers (docs/protocol.md, section "Anti-entropy" and R3): the records that a peer asks for,
 * and the records that its digest lacks. One frame of about 64 KiB is in flight to a peer at a time. The next frame
 * follows when the link has written that frame and the rate of control frames allows it. A peer that asks and does not
 * read therefore holds one such frame, however often it asks.
 */
import type { PeerId } from "../Peer.ts"
import { maxWant } from "../protocol/constants.ts"
import type { Key, PeerRecord } from "../protocol/PeerRecord.ts"
import * as PeerRecords from "../protocol/PeerRecord.ts"
import { maxChunkBytes, recordBytes, textBytes } from "../protocol/recordSize.ts"
import * as Draft from "./Draft.ts"
import * as Refutation from "./refutation.ts"
import type { Answer } from "./State.ts"
import * as State from "./State.ts"

/** Names of the records to send, and names of the records to request. */
type Parts = Pick<Answer, "records" | "want">

const nothing: Parts = { records: new Set(), want: [] }

/**
 * Answers a complete digest, or stores it until the answer in flight is written. A newer digest replaces a stored one.
 */
export const answerDigest = (draft: Draft.Draft, peer: string, digest: ReadonlyArray<Key>): void => {
  const waiting = underWay(draft, peer)
  if (waiting !== undefined) return setAnswer(draft, peer, { ...waiting, digest })
  // Sends an empty answer as well, because the answer ends the exchange.
  send(draft, peer, compare(draft, digest), undefined)
}

/** Sends a peer the records that it asks for, if this node has them. */
export const answerWant = (draft: Draft.Draft, peer: string, want: ReadonlyArray<string>): void => {
  const { members, self } = draft.state
  const records = want.filter((name) => name === self.name || members.has(name))
  if (records.length === 0) return
  const waiting = underWay(draft, peer)
  if (waiting === undefined) return send(draft, peer, { ...nothing, records: new Set(records) }, undefined)
  if (records.every((name) => waiting.records.has(name))) return
  setAnswer(draft, peer, { ...waiting, records: new Set([...waiting.records, ...records]) })
}

/** Sends a peer the record of a life that is newer than the life in its request. */
export const tellNewer = (draft: Draft.Draft, peer: string, record: PeerRecord): void => {
  const waiting = underWay(draft, peer)
  if (waiting !== undefined) {
    return setAnswer(draft, peer, { ...waiting, records: new Set([...waiting.records, record.name]) })
  }
  Draft.answer(draft, peer, { _tag: "Update", records: [record] })
  setAnswer(draft, peer, { ...nothing, digest: undefined, since: draft.now })
}

/** Continues the answer to a peer after the link has written all control frames. */
export const onWritten = (draft: Draft.Draft, { generation, name }: PeerId): void => {
  const { answers, members } = draft.state
  const answer = answers.get(name)
  if (answer === undefined || members.get(name)?.record.generation !== generation) return
  setAnswer(draft, name, undefined)
  const { digest, records, want } = answer
  if (records.size > 0 || want.length > 0) send(draft, name, answer, digest)
  else if (digest !== undefined) answerDigest(draft, name, digest)
}

/** Drops the answer to a peer whose link is lost. */
export const forget = (draft: Draft.Draft, peer: string): void => {
  if (draft.state.answers.has(peer)) setAnswer(draft, peer, undefined)
}

/**
 * Returns the answer in flight to a peer. Returns `undefined` after `syncTimeout`, because the link may have lost the
 * answer.
 */
const underWay = ({ now, state }: Draft.Draft, peer: string): Answer | undefined => {
  const answer = state.answers.get(peer)
  return answer !== undefined && now < answer.since + state.settings.syncTimeout ? answer : undefined
}

const setAnswer = (draft: Draft.Draft, peer: string, answer: Answer | undefined): void => {
  const answers = Draft.writable(draft.previous.answers, draft.state.answers)
  if (answer === undefined) answers.delete(peer)
  else answers.set(peer, answer)
  draft.state.answers = answers
}

/**
 * Sends the part that fits one frame. The rest follows when the link has written that frame, and then the answer to the
 * stored digest.
 */
const send = (draft: Draft.Draft, peer: string, { records, want }: Parts, digest: Answer["digest"]): void => {
  let room = maxChunkBytes
  const wanted: Array<string> = []
  for (const name of want) {
    room -= textBytes(name)
    if (room < 0 || wanted.length >= maxWant) break
    wanted.push(name)
  }
  const remaining = new Set(records)
  const sent: Array<PeerRecord> = []
  for (const name of records) {
    const record = recordOf(draft, name)
    room -= record === undefined ? 0 : recordBytes(record)
    if (room < 0) break
    remaining.delete(name)
    if (record !== undefined) sent.push(record)
  }
  Draft.answer(draft, peer, { _tag: "SyncDelta", records: sent, want: wanted })
  setAnswer(draft, peer, { records: remaining, want: want.slice(wanted.length), digest, since: draft.now })
}

/** Returns the newest record of a name that this node has. The record of a life that ended has an empty body. */
const recordOf = ({ state }: Draft.Draft, name: string): PeerRecord | undefined => {
  if (name === state.self.name) return state.self
  const tombstone = state.tombstones.get(name)
  return state.members.get(name)?.record ?? (tombstone === undefined ? undefined : State.recordOf(tombstone))
}

/**
 * Compares the record of this node with the entry of a peer. Returns less than 0 if this node should request the record
 * of the peer, and more than 0 if it should send its own. A tombstone says nothing about an earlier life. A reported end
 * is in no answer, like a candidate, because this node never met its life.
 */
const compareWithEntry = ({ members, reportedEnds, tombstones }: State.State, entry: Key): number => {
  const member = members.get(entry.name)
  if (member !== undefined) return PeerRecords.compareKeys(member.record, entry)
  const tombstone = tombstones.get(entry.name)
  const order = tombstone === undefined ? -1 : PeerRecords.compareKeys(tombstone, entry)
  if (order >= 0) return tombstone?.generation === entry.generation ? order : 0
  const reportedEnd = reportedEnds.get(entry.name)
  return reportedEnd !== undefined && PeerRecords.compareKeys(reportedEnd, entry) >= 0 ? 0 : -1
}

/** Compares a digest with the records of this node, and refutes accusations of this node in the digest. */
const compare = (draft: Draft.Draft, digest: ReadonlyArray<Key>): Parts => {
  const { state } = draft
  const records = new Set<string>()
  const want: Array<string> = []
  const mentioned = new Set<string>()
  for (const entry of digest) {
    const { name } = entry
    // The frames of one digest may repeat a name.
    if (mentioned.has(name)) continue
    mentioned.add(name)
    if (name === state.self.name) {
      Refutation.refute(draft, entry)
      if (PeerRecords.compareKeys(state.self, entry) > 0) records.add(name)
      continue
    }
    const order = compareWithEntry(state, entry)
    if (order < 0) want.push(name)
    else if (order > 0) records.add(name)
  }
  for (const name of state.members.keys()) if (!mentioned.has(name)) records.add(name)
  if (!mentioned.has(state.self.name)) records.add(state.self.name)
  return { records, want }
}
