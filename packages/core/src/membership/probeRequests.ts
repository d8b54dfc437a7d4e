/**
 * R3 (indirect probes), the side of the probed member: answers the probe requests of other peers. If this node has not
 * heard the peer in question lately, the request is pending until the peer answers a Ping or the time has passed.
 */
import type { PeerId } from "../Peer.ts"
import type { ProbeRequest, Verdict } from "../protocol/Frame.ts"
import * as Answers from "./answers.ts"
import * as Draft from "./Draft.ts"
import * as Member from "./Member.ts"
import type { PendingProbe } from "./State.ts"
import * as State from "./State.ts"

/**
 * Part of the time to the deadline of a request for which this node waits for a sign of life. The rest covers the delay
 * of the timer and the transfer of the answer.
 */
const waitingPart = 3 / 4

/**
 * Answers a probe request, or stores it as pending. `heardAgo` is the time in milliseconds since this node last heard
 * the peer in question on its link; `undefined` without a link.
 */
export const onProbeRequest = (
  draft: Draft.Draft,
  from: string,
  request: ProbeRequest,
  heardAgo: number | undefined,
): void => {
  const { state } = draft
  const { generation, id, target: name } = request
  const member = state.members.get(name)
  const reply = (verdict: Verdict) => Draft.send(draft, [from], { _tag: "ProbeResult", id, verdict })
  const { self } = state
  if (name === self.name && generation === self.generation) return reply("up")
  if (member?.record.generation === generation) {
    if (member.disconnected) return reply("unknown")
    if (!Member.isLinked(member)) return reply(Member.dialOf(member) === "refused" ? "refused" : "down")
    if (heardAgo !== undefined && heardAgo < state.settings.heartbeat) return reply("up")
    if (state.pendingProbes.filter((each) => each.from === from).length >= state.settings.probesPerPeer) {
      return reply("unknown")
    }
    const until = draft.now + waitingPart * Math.min(request.deadline, state.settings.probeTimeout)
    state.pendingProbes = [...state.pendingProbes, { from, id, name, generation, until }]
    return Draft.pingNow(draft, member.record)
  }
  const tombstone = state.tombstones.get(name)
  const other = member?.record ?? (tombstone === undefined ? undefined : State.recordOf(tombstone))
  const known = name === self.name ? self : other
  if (known === undefined || known.generation < generation) return reply("unknown")
  // The life in question has ended, and the asking peer does not know it. The tombstone of a later life would not end it
  // at the asking peer.
  if (tombstone === undefined || known.generation === generation) Answers.tellNewer(draft, from, known)
  reply("down")
}

/** Answers `up` to all requests about a peer that this node just heard. */
export const onPeerHeard = (draft: Draft.Draft, peer: PeerId): void => answerAllAbout(draft, peer, "up")

/** Drops the requests of a peer whose link is lost, and answers `down` to the requests about that peer. */
export const onLinkDown = (draft: Draft.Draft, peer: PeerId): void => {
  draft.state.pendingProbes = draft.state.pendingProbes.filter(({ from }) => from !== peer.name)
  answerAllAbout(draft, peer, "down")
}

/** Answers `down` to the requests whose time has passed. */
export const expire = (draft: Draft.Draft): void => {
  const overdue = draft.state.pendingProbes.filter(({ until }) => draft.now >= until)
  for (const probe of overdue) answer(draft, probe, "down")
}

/** Extends the deadlines after a stall of this node, because a sign of life may have arrived unread. */
export const extendDeadlines = (draft: Draft.Draft): void => {
  const { now, state } = draft
  const earliest = now + state.settings.probeTimeout / 2
  state.pendingProbes = state.pendingProbes.map((each) => ({ ...each, until: Math.max(each.until, earliest) }))
}

const answer = (draft: Draft.Draft, probe: PendingProbe, verdict: Verdict): void => {
  draft.state.pendingProbes = draft.state.pendingProbes.filter((each) => each !== probe)
  Draft.send(draft, [probe.from], { _tag: "ProbeResult", id: probe.id, verdict })
}

const answerAllAbout = (draft: Draft.Draft, { generation, name }: PeerId, verdict: Verdict): void => {
  for (const probe of draft.state.pendingProbes) {
    if (probe.name === name && probe.generation === generation) answer(draft, probe, verdict)
  }
}
