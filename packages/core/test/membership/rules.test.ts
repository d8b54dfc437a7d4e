/**
 * Who becomes a member and how it ends (docs/protocol.md R1, R2, R8 to R10, R12), and what cannot be believed.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Settings from "../../src/membership/Settings.ts"
import * as State from "../../src/membership/State.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import {
  addressOf,
  answers,
  as,
  b,
  bodyOf,
  c,
  closedOf,
  d,
  eventsOf,
  framesOf,
  gone,
  linkedTo,
  lost,
  nodeOf,
  recordOf,
  statusOf,
  stoppedOf,
  toldOf,
  unreached,
  update,
  wall,
} from "./support.ts"

describe("R1: hearsay", () => {
  it("makes a candidate that is dialled, relayed, in no view and in no view hash", () => {
    const a = linkedTo([b])
    const before = a.state().viewHash
    const outputs = [...a.hear(1_000, b, update(c)), ...a.until(1_100)]
    expect(eventsOf(outputs)).toStrictEqual([])
    expect(toldOf(outputs, "c")).toHaveLength(1)
    expect(a.state().view.peers.has("c")).toBe(false)
    expect(a.state().viewHash).toBe(before)
    expect(State.dialTargets(a.state()).get("c")).toStrictEqual({
      name: "c",
      generation: c.generation,
      addresses: [addressOf("c")],
      kind: "candidate",
    })
  })

  it("is forgotten after the time for candidates, and news do not prolong it", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    a.hear(20_000, b, update(as(c, "alive", 1)))
    a.until(30_999)
    expect(a.state().candidates.has("c")).toBe(true)
    a.until(31_000)
    expect(a.state().candidates.has("c")).toBe(false)
    expect(State.dialTargets(a.state()).size).toBe(0)
  })

  it("begins anew with a newer life", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    a.hear(20_000, b, update({ ...c, generation: c.generation + 1 }))
    a.until(49_999)
    expect(a.state().candidates.has("c")).toBe(true)
    a.until(50_000)
    expect(a.state().candidates.has("c")).toBe(false)
  })

  it("from a link that is no member's counts for nothing", () => {
    const a = linkedTo([b])
    a.hear(1_000, c, update(d))
    a.hear(1_000, { ...b, generation: b.generation - 1 }, update(d))
    expect(a.state().candidates.size).toBe(0)
  })

  it("beyond the bound of members is refused with a Diagnostic", () => {
    const a = linkedTo([b], { maxMembers: 2 })
    expect(eventsOf(a.hear(1_000, b, update(c, d)))).toStrictEqual(["Diagnostic"])
    expect([...a.state().candidates.keys()]).toStrictEqual(["c"])
  })
})

describe("R2: a handshake makes a member", () => {
  it("a stranger joins, and everybody is told", () => {
    const a = linkedTo([b])
    const alone = { address: addressOf("c"), viewHash: PeerRecord.memberHash(c) }
    const outputs = [...a.meet(1_500, c, alone), ...a.until(1_600)]
    expect(eventsOf(outputs)).toStrictEqual(["Joined c"])
    expect(framesOf(outputs, "Update")).toStrictEqual([{ to: ["b", "c"], frame: update(c) }])
  })

  it("of a stranger that knows others as well only some are told, for the others do the same", () => {
    const peers = Array.from({ length: 30 }, (_, i) => recordOf(`p${i}`))
    const a = linkedTo(peers)
    const outputs = [...a.meet(1_500, c, { viewHash: 1n }), ...a.until(1_600)]
    expect(eventsOf(outputs)).toStrictEqual(["Joined c"])
    const updates = framesOf(outputs, "Update")
    expect(updates).toMatchObject([{ frame: update(c) }])
    expect(updates[0]?.to).toHaveLength(Settings.defaults.relayFanOut(32))
  })

  it("a candidate joins, and nobody is told what was relayed before", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    a.until(1_100)
    const outputs = [...a.meet(1_500, c, { address: addressOf("c") }), ...a.until(1_600)]
    expect(eventsOf(outputs)).toStrictEqual(["Joined c"])
    expect(framesOf(outputs, "Update")).toStrictEqual([])
    expect(a.state().candidates.size).toBe(0)
  })

  it("so does the word of a member that has a link, to a candidate that cannot be dialled", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    expect(framesOf(unreached(a, 3_999, c), "ProbeRequest")).toStrictEqual([])
    expect(framesOf(unreached(a, 4_000, c), "ProbeRequest")).toMatchObject([{ to: ["b"], frame: { target: "c" } }])
    expect(eventsOf(answers(a, 4_100, c, "up", b))).toStrictEqual(["Joined c"])
    expect(a.state().view.peers.get("c")).toMatchObject({ status: "alive", link: "indirect" })
    expect(State.dialTargets(a.state()).get("c")?.kind).toBe("lost")
    expect(eventsOf(a.meet(5_000, c))).toStrictEqual(["Reachable c"])
  })

  it("about whom only hearsay knows a few are asked each time, and about few at once", () => {
    const others = Array.from({ length: 12 }, (_, i) => recordOf(`m${i}`))
    const ghosts = Array.from({ length: 200 }, (_, i) => recordOf(`ghost${i}`))
    const a = linkedTo(others)
    a.hear(1_000, recordOf("m0"), update(...ghosts))
    const asked = ghosts.flatMap((ghost) => [
      ...unreached(a, 5_000, ghost),
      ...answers(a, 5_000, ghost, "unknown", ...others),
    ])
    const requests = framesOf(asked, "ProbeRequest")
    expect(requests.length).toBe(a.state().settings.probesPerPeer)
    expect(requests.every(({ to }) => to.length === 3)).toBe(true)
    a.until(40_000)
    expect(a.state().rounds.size).toBe(0)
  })

  it("and so does it to the next life of one that left", () => {
    const a = linkedTo([b, c])
    a.hear(500, c, { _tag: "Leave", generation: c.generation })
    expect(a.state().tombstones.has("c")).toBe(true)
    const again = { ...c, generation: c.generation + 1 }
    a.hear(1_000, b, update(again))
    unreached(a, 4_000, again)
    expect(eventsOf(answers(a, 4_100, again, "up", b))).toStrictEqual(["Joined c"])
    expect(a.state().tombstones.has("c")).toBe(false)
  })

  it("but not of an accused candidate, nor if nobody reaches it", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c, as(d, "suspect", 0, "b")))
    unreached(a, 4_000, c)
    unreached(a, 4_000, d)
    expect(a.state().rounds.size).toBe(2)
    expect(eventsOf([...answers(a, 4_100, c, "down", b), ...answers(a, 4_100, d, "up", b)])).toStrictEqual([])
    expect(a.state().candidates.size).toBe(2)
    // They are asked about again with growing pauses, however often they are dialled.
    expect(
      framesOf(
        [5_000, 5_001, 5_099].flatMap((at) => unreached(a, at, c)),
        "ProbeRequest",
      ),
    ).toStrictEqual([])
    expect(framesOf(a.until(5_100), "ProbeRequest").map(({ frame }) => frame.target)).toStrictEqual(["c", "d"])
    expect(framesOf(a.until(30_000, [b]), "ProbeRequest").length).toBeLessThan(10)
    a.until(31_100)
    expect(a.state().rounds.size).toBe(0)
  })

  it("a newer life that only others reach replaces the older", () => {
    const a = linkedTo([b, c])
    lost(a, 1_000, c)
    a.hear(1_000, b, update({ ...c, generation: wall + 1 }))
    expect(eventsOf(a.until(4_000, [b]))).toStrictEqual(["Suspected c"])
    unreached(a, 4_000, c)
    expect(eventsOf(answers(a, 4_100, c, "up", b))).toStrictEqual(["Replaced c"])
    expect(a.state().view.peers.get("c")).toMatchObject({ generation: wall + 1, link: "indirect" })
  })

  it("a newer life that only others reach is remembered no more as one that left", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, { _tag: "Leave", generation: wall })
    a.hear(2_000, b, update({ ...c, generation: wall + 1 }))
    unreached(a, 6_000, c)
    expect(eventsOf(answers(a, 6_100, c, "up", b))).toStrictEqual(["Joined c"])
    expect(a.state().tombstones.size).toBe(0)
  })

  it("an answer about a newer life that is known no more does not end the asking about the older", () => {
    for (const verdict of ["up", "down"] as const) {
      const a = linkedTo([b, c])
      gone(a, 1_000, c, b)
      a.hear(1_000, b, update({ ...c, generation: wall + 1 }))
      unreached(a, 4_000, c)
      const round = a.state().rounds.get("c")
      if (round?._tag !== "Probing") throw new Error("nobody is asked")
      a.hear(4_100, b, update({ ...c, generation: wall + 2 }))
      a.hear(4_200, b, { _tag: "ProbeResult", id: round.id, verdict })
      expect(a.state().rounds.get("c")).toMatchObject({ _tag: "Probing", generation: wall + 2 })
      expect(eventsOf(a.until(60_000, [b]))).toStrictEqual(["Failed c"])
    }
  })

  it("what was said of it while the handshake ran still holds", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    a.hear(1_100, b, update(as(c, "failed", 3, "b")))
    const outputs = a.meet(1_200, c)
    expect(eventsOf(outputs)).toStrictEqual(["Joined c"])
    expect(framesOf(outputs, "YouAre")).toMatchObject([{ to: ["c"], frame: { incarnation: 3, status: "failed" } }])
    expect(a.state().members.get("c")?.record).toMatchObject({ incarnation: 3, status: "failed" })
    expect(statusOf(a, "c")).toBe("alive")
    expect(eventsOf(a.hear(1_300, c, update(as(c, "alive", 4))))).toStrictEqual([])
    expect(a.state().members.get("c")?.suspicion).toBeUndefined()
  })

  it("hearsay makes room for whom the node meets", () => {
    const a = linkedTo([b], { maxMembers: 2 })
    a.hear(1_000, b, update(c))
    expect(eventsOf(a.meet(2_000, d))).toStrictEqual(["Joined d"])
    expect(a.state().candidates.size).toBe(0)
  })

  it("the longest failed makes room for whom the node meets", () => {
    const a = linkedTo([b, c], { maxMembers: 2, suspicionMax: 2_000 })
    gone(a, 1_000, b, c)
    gone(a, 2_000, c)
    expect(eventsOf(a.until(10_000))).toStrictEqual(["Failed b", "Failed c", "PartitionSuspected"])
    expect(eventsOf(a.meet(11_000, d))).toStrictEqual(["Reconnected", "Joined d", "PartitionHealed"])
    expect([...a.state().members.keys()]).toStrictEqual(["c", "d"])
    expect(a.state().tombstones.get("b")).toMatchObject({ status: "failed" })
  })

  it("where every place is taken a stranger is refused, and a known member is not", () => {
    const a = linkedTo([b, c], { maxMembers: 2 })
    const outputs = a.meet(1_000, d)
    expect(eventsOf(outputs)).toStrictEqual(["Diagnostic"])
    expect(closedOf(outputs)).toStrictEqual(["parted d"])
    lost(a, 2_000, b)
    expect(eventsOf(a.meet(3_000, b))).toStrictEqual(["Reachable b"])
    expect(eventsOf(a.meet(3_000, { ...c, generation: c.generation + 1 }))).toStrictEqual(["Replaced c"])
  })
})

describe("a restart within one generation", () => {
  it("is told the record that is known of it", () => {
    const known: PeerRecord.PeerRecord = { ...as(b, "alive", 2), body: bodyOf("b", { v: "1" }) }
    const a = linkedTo([known])
    lost(a, 1_000, known)
    const outputs = a.meet(2_000, b)
    expect(framesOf(outputs, "Update")).toStrictEqual([{ to: ["b"], frame: update(known) }])
    expect(a.state().members.get("b")?.record).toStrictEqual(known)
    expect(a.state().members.get("b")?.suspicion).toBeUndefined()
  })
})

describe("R8: a newer life", () => {
  const newer: PeerRecord.PeerRecord = { ...b, generation: b.generation + 1 }

  it("is a candidate until it is met, and then replaces the old one", () => {
    const a = linkedTo([b, c])
    expect(eventsOf(a.hear(1_000, c, update(newer)))).toStrictEqual([])
    expect(a.state().view.peers.get("b")?.generation).toBe(b.generation)
    const outputs = a.meet(2_000, newer)
    expect(eventsOf(outputs)).toStrictEqual(["Replaced b"])
    expect(a.state().view.peers.get("b")?.generation).toBe(newer.generation)
    expect(a.state().candidates.size).toBe(0)
  })

  it("a link of the older life is refused then", () => {
    const a = linkedTo([newer])
    expect(closedOf(a.meet(1_000, b))).toStrictEqual(["replaced b"])
    expect(a.state().members.get("b")?.record.generation).toBe(newer.generation)
  })

  it("of this node's own name ends this node", () => {
    const a = linkedTo([b])
    const outputs = a.hear(1_000, b, update(recordOf("a", { generation: wall + 1 })))
    expect(eventsOf(outputs)).toStrictEqual(["Superseded"])
    expect(stoppedOf(outputs)).toStrictEqual(["superseded"])
  })

  it("Bye `replaced` ends this node", () => {
    const a = linkedTo([b])
    expect(stoppedOf(a.at(1_000, { _tag: "LinkDown", peer: b, code: "replaced", silent: false }))).toStrictEqual([
      "superseded",
    ])
  })

  it("a refusal as stale before the first link makes it take the higher generation", () => {
    const a = nodeOf("a")
    a.at(1_000, { _tag: "Stale", atLeastGeneration: wall + 7 })
    expect(a.state().self).toMatchObject({ generation: wall + 7, incarnation: 0 })
    expect(a.state().phase._tag).toBe("Running")
    a.at(1_000, { _tag: "Stale", atLeastGeneration: wall + 6 })
    expect(a.state().self.generation).toBe(wall + 7)
  })

  it("a refusal as stale after the first link ends it", () => {
    const a = linkedTo([b])
    expect(stoppedOf(a.at(1_000, { _tag: "Stale", atLeastGeneration: wall + 7 }))).toStrictEqual(["superseded"])
  })

  it("a node that took a higher generation is not ended by answers to the lower one", () => {
    const a = nodeOf("a")
    a.at(1_000, { _tag: "Stale", atLeastGeneration: wall + 7 })
    a.meet(1_000, b)
    a.at(1_100, { _tag: "Stale", atLeastGeneration: wall + 8 })
    a.at(1_200, { _tag: "LinkDown", peer: b, code: "replaced", silent: false })
    expect(a.state().phase._tag).toBe("Running")
    expect(stoppedOf(a.at(1_300, { _tag: "Stale", atLeastGeneration: wall + 9 }))).toStrictEqual(["superseded"])
  })
})

describe("R9: leaving", () => {
  it("waits for the acknowledgement of everybody with a link", () => {
    const a = linkedTo([b, c])
    lost(a, 500, c)
    a.meet(600, d)
    const outputs = a.at(1_000, { _tag: "Leave" })
    expect(framesOf(outputs, "Leave")).toStrictEqual([{ to: ["b", "d"], frame: { _tag: "Leave", generation: wall } }])
    expect(a.hear(1_100, b, { _tag: "LeaveAck", generation: wall })).toStrictEqual([])
    expect(stoppedOf(a.hear(1_200, d, { _tag: "LeaveAck", generation: wall }))).toStrictEqual(["left"])
  })

  it("does not wait for a link that is lost", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Leave" })
    expect(stoppedOf(lost(a, 1_100, b))).toStrictEqual(["left"])
  })

  it("waits for a bounded time", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Leave" })
    expect(stoppedOf(a.until(5_999))).toStrictEqual([])
    expect(stoppedOf(a.until(6_000))).toStrictEqual(["left"])
  })

  it("without a link is over at once", () => {
    expect(stoppedOf(nodeOf("a").at(1_000, { _tag: "Leave" }))).toStrictEqual(["left"])
  })

  it("takes no links and wishes for none", () => {
    const a = linkedTo([b, c])
    lost(a, 500, c)
    a.at(1_000, { _tag: "Leave" })
    expect(State.dialTargets(a.state()).size).toBe(0)
    expect(closedOf(a.meet(1_100, d))).toStrictEqual(["left d"])
  })

  it("is not refuted by rumours about the leaver", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Leave" })
    a.hear(1_100, b, update(recordOf("a", { status: "left" })))
    a.hear(1_100, b, { _tag: "YouAre", generation: wall, incarnation: 0, status: "left" })
    expect(a.state()).toMatchObject({ phase: { _tag: "Leaving" }, self: { incarnation: 0, status: "left" } })
  })

  it("of a peer is acknowledged, told and final for its generation", () => {
    const a = linkedTo([b, c])
    const outputs = [...a.hear(1_000, b, { _tag: "Leave", generation: wall }), ...a.until(1_100)]
    expect(eventsOf(outputs)).toStrictEqual(["Left b"])
    expect(framesOf(outputs, "LeaveAck")).toStrictEqual([{ to: ["b"], frame: { _tag: "LeaveAck", generation: wall } }])
    expect(toldOf(outputs, "b")).toMatchObject([{ status: "left" }])
    a.hear(2_000, c, update(as(b, "alive", 99)))
    const again = a.meet(2_000, as(b, "alive", 99))
    expect(closedOf(again)).toStrictEqual(["parted b"])
    expect(framesOf(again, "YouAre")).toMatchObject([{ to: ["b"], frame: { status: "left" } }])
    expect(a.state().members.has("b")).toBe(false)
    expect(State.dialTargets(a.state()).size).toBe(0)
    expect(eventsOf(a.meet(3_000, { ...b, generation: wall + 1 }))).toStrictEqual(["Joined b"])
  })

  it("of a peer counts only from itself", () => {
    const a = linkedTo([b, c])
    expect(a.hear(1_000, c, { _tag: "Leave", generation: wall - 1 })).toStrictEqual([])
    expect(a.state().view.peers.size).toBe(2)
  })

  it.each(["left", "superseded"] as const)("Bye `%s` ends the peer's life", (code) => {
    const a = linkedTo([b])
    expect(eventsOf(a.at(1_000, { _tag: "LinkDown", peer: b, code, silent: false }))).toStrictEqual(["Left b"])
    expect(a.state().tombstones.get("b")?.status).toBe("left")
  })

  it("in a newer life, of which others tell, ends the candidate with the member", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, update({ ...b, generation: wall + 1 }))
    a.hear(1_100, c, update({ ...b, generation: wall + 1, status: "left" }))
    expect(State.dialTargets(a.state()).size).toBe(0)
    expect(a.state().candidates.size).toBe(0)
  })
})

describe("R10: the failed", () => {
  const failed = () => {
    const a = linkedTo([b, c])
    gone(a, 1_000, b, c)
    a.until(13_000, [c])
    return a
  }

  it("are dialled for a day and then buried", () => {
    const a = failed()
    a.until(13_000 + 24 * 3_600_000 - 1)
    expect(State.dialTargets(a.state()).get("b")?.kind).toBe("failed")
    a.until(13_000 + 24 * 3_600_000)
    expect(State.dialTargets(a.state()).size).toBe(0)
    expect(a.state().tombstones.get("b")?.status).toBe("failed")
  })

  it("recover by the refutation within the handshake", () => {
    const a = failed()
    expect(State.belief(a.state(), "b", b.generation)).toMatchObject({ incarnation: 0, status: "failed" })
    expect(eventsOf(a.meet(20_000, as(b, "alive", 1)))).toStrictEqual(["Recovered b"])
  })

  it("are told even after they are buried", () => {
    const a = failed()
    a.until(13_000 + 24 * 3_600_000)
    expect(State.belief(a.state(), "b", b.generation)).toMatchObject({ incarnation: 0, status: "failed" })
  })

  it("recover with a link even if the accusation came after the handshake", () => {
    const a = failed()
    const outputs = a.meet(20_000, b)
    expect(eventsOf(outputs)).toStrictEqual(["Recovered b"])
    expect(framesOf(outputs, "YouAre")).toMatchObject([{ frame: { status: "failed" } }])
    expect(eventsOf(a.until(21_000))).toStrictEqual([])
  })
})

describe("R12: tombstones", () => {
  it("are kept for their time", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, { _tag: "Leave", generation: wall })
    a.until(3_600_999)
    expect(a.state().tombstones.size).toBe(1)
    a.until(3_601_000)
    expect(a.state().tombstones.size).toBe(0)
  })

  it("are bounded, and the oldest go first", () => {
    const a = linkedTo([b], { tombstoneCapacity: 10 })
    for (let i = 0; i < 30; i++) a.hear(1_000 + i, b, update(recordOf(`x${i}`, { status: "left" })))
    expect([...a.state().tombstones.keys()]).toStrictEqual(Array.from({ length: 10 }, (_, i) => `x${i + 20}`))
  })

  it("are not part of the view hash", () => {
    const a = linkedTo([b, c])
    const alone = linkedTo([c])
    a.hear(1_000, b, { _tag: "Leave", generation: wall })
    expect(a.state().viewHash).toBe(alone.state().viewHash)
  })
})

describe("parting", () => {
  it("takes the peer out of the view, closes the link and stops dialling", () => {
    const a = linkedTo([b, c])
    const hash = a.state().viewHash
    const outputs = a.at(1_000, { _tag: "Disconnect", name: "b" })
    expect(eventsOf(outputs)).toStrictEqual(["Parted b"])
    expect(closedOf(outputs)).toStrictEqual(["parted b"])
    expect(eventsOf(lost(a, 1_100, b))).toStrictEqual([])
    expect(eventsOf(unreached(a, 1_200, b))).toStrictEqual([])
    expect(State.dialTargets(a.state()).size).toBe(0)
    expect(a.state().viewHash).toBe(hash)
    expect(a.at(1_300, { _tag: "Disconnect", name: "b" })).toStrictEqual([])
  })

  it("by the other side is the same", () => {
    const a = linkedTo([b])
    expect(eventsOf(a.at(1_000, { _tag: "LinkDown", peer: b, code: "parted", silent: false }))).toStrictEqual([
      "Parted b",
    ])
    expect(State.dialTargets(a.state()).size).toBe(0)
  })

  it("ends with a link", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Disconnect", name: "b" })
    lost(a, 1_100, b)
    expect(eventsOf(a.meet(2_000, b))).toStrictEqual(["Joined b"])
    expect(statusOf(a, "b")).toBe("alive")
  })

  it("ends with one event even if the peer was suspected meanwhile", () => {
    const a = linkedTo([b, c])
    a.at(1_000, { _tag: "Disconnect", name: "b" })
    lost(a, 1_100, b)
    expect(eventsOf(a.hear(1_200, c, update(as(b, "suspect", 0, "c"))))).toStrictEqual([])
    expect(eventsOf(a.meet(2_000, as(b, "alive", 1)))).toStrictEqual(["Joined b"])
  })

  it("does not hide that the peer's next life is met", () => {
    const a = linkedTo([b, c])
    a.at(1_000, { _tag: "Disconnect", name: "b" })
    lost(a, 1_100, b)
    a.hear(1_200, c, update({ ...b, generation: wall + 1 }))
    expect(State.dialTargets(a.state()).size).toBe(0)
    expect(eventsOf(a.meet(2_000, { ...b, generation: wall + 1 }))).toStrictEqual(["Joined b"])
  })
})

describe("what cannot be true", () => {
  const day = 24 * 3_600_000

  it("a generation more than a day ahead is not believed of others", () => {
    const a = linkedTo([b])
    const ahead = recordOf("c", { generation: wall + 1_000 + day + 1 })
    expect(eventsOf(a.hear(1_000, b, update(ahead)))).toStrictEqual(["Diagnostic"])
    expect(a.state().candidates.size).toBe(0)
    expect(eventsOf(a.hear(1_000, b, update({ ...ahead, status: "left" })))).toStrictEqual(["Diagnostic"])
    expect(a.state().tombstones.size).toBe(0)
    expect(eventsOf(a.hear(1_000, b, update({ ...ahead, generation: ahead.generation - 1 })))).toStrictEqual([])
    expect(a.state().candidates.size).toBe(1)
  })

  it("a generation more than a day ahead is believed of its owner", () => {
    const a = linkedTo([b])
    const ahead = recordOf("c", { generation: wall + 3 * day })
    expect(eventsOf(a.meet(1_000, ahead))).toStrictEqual(["Joined c"])
  })

  it("nor does one of this node's own name stop it", () => {
    const a = linkedTo([b])
    expect(eventsOf(a.hear(1_000, b, update(recordOf("a", { generation: wall + 3 * day }))))).toStrictEqual([
      "Diagnostic",
    ])
    expect(a.state().phase._tag).toBe("Running")
  })

  it("an incarnation far ahead is not believed of others, and is of the owner", () => {
    const a = linkedTo([b, c])
    expect(eventsOf(a.hear(1_000, b, update(as(c, "suspect", 65_537, "b"))))).toStrictEqual(["Diagnostic"])
    expect(a.state().members.get("c")?.record.incarnation).toBe(0)
    a.hear(1_000, c, update(as(c, "alive", 70_000)))
    expect(a.state().members.get("c")?.record.incarnation).toBe(70_000)
    a.hear(1_000, b, update(as(c, "suspect", 70_000 + 65_536, "b")))
    expect(a.state().members.get("c")?.record.incarnation).toBe(135_536)
  })

  it("an incarnation far ahead of this node's own is not refuted", () => {
    const a = linkedTo([b])
    const said = { _tag: "YouAre", generation: wall, incarnation: 65_537, status: "failed" } as const
    expect(eventsOf(a.hear(1_000, b, said))).toStrictEqual(["Diagnostic"])
    expect(a.state().self.incarnation).toBe(0)
    a.hear(1_000, b, { ...said, incarnation: 65_536 })
    expect(a.state().self.incarnation).toBe(65_537)
  })

  it("a lie about the incarnation of a candidate is not held against it", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(as(c, "failed", 4_000_000_000, "b")))
    expect(eventsOf(a.meet(1_100, c))).toStrictEqual(["Joined c", "Diagnostic"])
    expect(a.state().members.get("c")?.record).toStrictEqual(c)
  })
})

describe("strange names", () => {
  it.each(["__proto__", "constructor", "toString", "\u{1f600}"])("%s is a peer like any other", (name) => {
    const strange = recordOf(name)
    const a = linkedTo([b])
    a.hear(1_000, b, update(strange))
    expect(State.dialTargets(a.state()).has(name)).toBe(true)
    expect(eventsOf(a.meet(1_100, strange))).toStrictEqual([`Joined ${name}`])
    gone(a, 1_200, strange, b)
    expect(eventsOf(a.until(60_000, [b]))).toStrictEqual([`Failed ${name}`])
    expect(eventsOf(a.hear(60_000, b, update(as(strange, "left"))))).toStrictEqual([])
    expect(a.state().tombstones.has(name)).toBe(true)
  })
})
