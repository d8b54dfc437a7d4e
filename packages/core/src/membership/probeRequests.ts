/**
 * Being asked by others whether this node reaches a peer (docs/protocol.md R3). What it does not know at once it finds out:
 * it makes the peer say something, and owes the answer meanwhile.
 */
import type { ProbeRequest, Verdict } from "../protocol/Frame.ts"
import type { PeerId } from "../Peer.ts"
import * as Draft from "./Draft.ts"
import type { PendingProbe } from "./State.ts"

/** A peer asks about another; `heardAgo` says how long ago this node heard of that one on its link, if it has one. */
export const asked = (draft: Draft.Draft, from: string, request: ProbeRequest, heardAgo: number | undefined): void => {
  const { state } = draft
  const { generation, id, target: name } = request
  const member = state.members.get(name)
  const reply = (verdict: Verdict) => Draft.send(draft, [from], { _tag: "ProbeResult", id, verdict })
  if (name === state.self.name) return reply(generation === state.self.generation ? "up" : "unknown")
  if (member?.record.generation === generation) {
    if (member.disconnected) return reply("unknown")
    if (member.link !== "up") return reply(member.dial === "refused" ? "refused" : "down")
    if (heardAgo !== undefined && heardAgo < state.settings.heartbeat) return reply("up")
    if (state.pendingProbes.filter((each) => each.from === from).length >= state.settings.probesPerPeer) {
      return reply("unknown")
    }
    const until = draft.now + Math.min(request.deadline, state.settings.probeTimeout)
    state.pendingProbes = [...state.pendingProbes, { from, id, name, generation, until }]
    return Draft.pingNow(draft, member.record)
  }
  const later = member ?? state.tombstones.get(name)
  const known = later === undefined ? undefined : "record" in later ? later.record : Draft.recordOf(later)
  if (known === undefined || known.generation < generation) return reply("unknown")
  // That life is over, and the asker has not heard of it.
  Draft.send(draft, [from], { _tag: "Update", records: [known] })
  reply("down")
}

const answer = (draft: Draft.Draft, errand: PendingProbe, verdict: Verdict): void => {
  draft.state.pendingProbes = draft.state.pendingProbes.filter((each) => each !== errand)
  Draft.send(draft, [errand.from], { _tag: "ProbeResult", id: errand.id, verdict })
}

const answerAll = (draft: Draft.Draft, { generation, name }: PeerId, verdict: Verdict): void => {
  for (const errand of draft.state.pendingProbes) {
    if (errand.name === name && errand.generation === generation) answer(draft, errand, verdict)
  }
}

/** Something came from a peer that this node was asked about. */
export const heard = (draft: Draft.Draft, peer: PeerId): void => answerAll(draft, peer, "up")

/** The link to a peer is over: it cannot be answered any more, and this node does not reach it. */
export const forget = (draft: Draft.Draft, peer: PeerId): void => {
  draft.state.pendingProbes = draft.state.pendingProbes.filter(({ from }) => from !== peer.name)
  answerAll(draft, peer, "down")
}

/** What was not found out in time. */
export const tick = (draft: Draft.Draft): void => {
  const late = draft.state.pendingProbes.filter(({ until }) => draft.now >= until)
  for (const errand of late) answer(draft, errand, "down")
}

/** After a stall of this node what it waits for may be here and not read yet. */
export const postpone = (draft: Draft.Draft): void => {
  const { now, state } = draft
  const least = now + state.settings.probeTimeout / 2
  state.pendingProbes = state.pendingProbes.map((each) => ({ ...each, until: Math.max(each.until, least) }))
}
