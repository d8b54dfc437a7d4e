/** Peers known from gossip alone (docs/protocol.md R1, R2). */
import { describe, expect, it } from "@effect/vitest"
import {
  addressOf,
  wall,
  recordOf,
  b,
  c,
  d,
  claim,
  update,
  linkedTo,
  loseLink,
  failDial,
  answerProbes,
  makeUnreachable,
  eventsOf,
  framesOf,
  recordsSent,
} from "./support.ts"
import { dialTargets } from "./dialTargets.ts"

describe("R1: candidates", () => {
  it("gossip makes a candidate that is dialed and gossiped, and is in no view and no view hash", () => {
    const a = linkedTo([b])
    const before = a.state().viewHash
    const outputs = [...a.hear(1_000, b, update(c)), ...a.until(1_100)]
    expect(eventsOf(outputs)).toStrictEqual([])
    expect(recordsSent(outputs, "c")).toHaveLength(1)
    expect(a.state().view.peers.has("c")).toBe(false)
    expect(a.state().viewHash).toBe(before)
    expect(dialTargets(a.state()).get("c")).toStrictEqual({
      name: "c",
      generation: c.generation,
      addresses: [addressOf("c")],
      kind: "candidate",
      announcer: "b",
    })
  })

  it("a candidate is forgotten after candidateTimeout, which later records do not prolong", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    a.hear(20_000, b, update(claim(c, "alive", 1)))
    a.until(30_999)
    expect(a.state().candidates.has("c")).toBe(true)
    a.until(31_000)
    expect(a.state().candidates.has("c")).toBe(false)
    expect(dialTargets(a.state()).size).toBe(0)
  })

  it("a record of a newer life restarts candidateTimeout", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    a.hear(20_000, b, update({ ...c, generation: c.generation + 1 }))
    a.until(49_999)
    expect(a.state().candidates.has("c")).toBe(true)
    a.until(50_000)
    expect(a.state().candidates.has("c")).toBe(false)
  })

  it("gossip over a link of a peer that is not a member is ignored", () => {
    const a = linkedTo([b])
    a.hear(1_000, c, update(d))
    a.hear(1_000, { ...b, generation: b.generation - 1 }, update(d))
    expect(a.state().candidates.size).toBe(0)
  })

  it("gossip beyond the maximum number of members is refused with a Diagnostic", () => {
    const a = linkedTo([b], { maxMembers: 2 })
    expect(eventsOf(a.hear(1_000, b, update(c, d)))).toStrictEqual(["Diagnostic"])
    expect([...a.state().candidates.keys()]).toStrictEqual(["c"])
  })
})

describe("R2: the answer up of a member with a link makes a member", () => {
  it("of a candidate that cannot be dialed", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    expect(framesOf(failDial(a, 3_999, c), "ProbeRequest")).toStrictEqual([])
    expect(framesOf(failDial(a, 4_000, c), "ProbeRequest")).toMatchObject([{ to: ["b"], frame: { target: "c" } }])
    expect(eventsOf(answerProbes(a, 4_100, c, "up", b))).toStrictEqual(["Joined c"])
    expect(a.state().view.peers.get("c")).toMatchObject({ status: "alive", link: "indirect" })
    expect(dialTargets(a.state()).get("c")?.kind).toBe("lost")
    expect(eventsOf(a.meet(5_000, c))).toStrictEqual(["Reachable c"])
  })

  it("few members are asked about each candidate, and about few candidates at once", () => {
    const others = Array.from({ length: 12 }, (_, i) => recordOf(`m${i}`))
    const ghosts = Array.from({ length: 200 }, (_, i) => recordOf(`ghost${i}`))
    const a = linkedTo(others)
    a.hear(1_000, recordOf("m0"), update(...ghosts))
    const asked = ghosts.flatMap((ghost) => [
      ...failDial(a, 5_000, ghost),
      ...answerProbes(a, 5_000, ghost, "unknown", ...others),
    ])
    const requests = framesOf(asked, "ProbeRequest")
    expect(requests.length).toBe(a.state().settings.probesPerPeer)
    expect(requests.every(({ to }) => to.length === 3)).toBe(true)
    a.until(40_000)
    expect(a.state().rounds.size).toBe(0)
  })

  it("of the next life of a peer that left", () => {
    const a = linkedTo([b, c])
    a.hear(500, c, { _tag: "Leave", generation: c.generation })
    expect(a.state().tombstones.has("c")).toBe(true)
    const again = { ...c, generation: c.generation + 1 }
    a.hear(1_000, b, update(again))
    failDial(a, 4_000, again)
    expect(eventsOf(answerProbes(a, 4_100, again, "up", b))).toStrictEqual(["Joined c"])
    expect(a.state().tombstones.has("c")).toBe(false)
  })

  it("but not of an accused candidate, or of a candidate that no member reaches", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c, claim(d, "suspect", 0, "b")))
    failDial(a, 4_000, c)
    failDial(a, 4_000, d)
    expect(a.state().rounds.size).toBe(2)
    expect(eventsOf([...answerProbes(a, 4_100, c, "down", b), ...answerProbes(a, 4_100, d, "up", b)])).toStrictEqual([])
    expect(a.state().candidates.size).toBe(2)
    // Further rounds have growing pauses, however often the candidates are dialed.
    expect(
      framesOf(
        [5_000, 5_001, 5_099].flatMap((at) => failDial(a, at, c)),
        "ProbeRequest",
      ),
    ).toStrictEqual([])
    expect(framesOf(a.until(5_100), "ProbeRequest").map(({ frame }) => frame.target)).toStrictEqual(["c", "d"])
    expect(framesOf(a.until(30_000, [b]), "ProbeRequest").length).toBeLessThan(10)
    a.until(31_100)
    expect(a.state().rounds.size).toBe(0)
  })

  it("of a newer life, which replaces the older", () => {
    const a = linkedTo([b, c])
    loseLink(a, 1_000, c)
    a.hear(1_000, b, update({ ...c, generation: wall + 1 }))
    expect(eventsOf(a.until(4_000, [b]))).toStrictEqual(["Suspected c"])
    failDial(a, 4_000, c)
    expect(eventsOf(answerProbes(a, 4_100, c, "up", b))).toStrictEqual(["Replaced c"])
    expect(a.state().view.peers.get("c")).toMatchObject({ generation: wall + 1, link: "indirect" })
  })

  it("of a newer life, whose tombstone is removed", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, { _tag: "Leave", generation: wall })
    a.hear(2_000, b, update({ ...c, generation: wall + 1 }))
    failDial(a, 6_000, c)
    expect(eventsOf(answerProbes(a, 6_100, c, "up", b))).toStrictEqual(["Joined c"])
    expect(a.state().tombstones.size).toBe(0)
  })

  it("an answer about a life that is no longer a candidate does not end the probes about the older life", () => {
    for (const verdict of ["up", "down"] as const) {
      const a = linkedTo([b, c])
      makeUnreachable(a, 1_000, c, b)
      a.hear(1_000, b, update({ ...c, generation: wall + 1 }))
      failDial(a, 4_000, c)
      const round = a.state().rounds.get("c")
      if (round?._tag !== "Probing") throw new Error("no probe round is running")
      a.hear(4_100, b, update({ ...c, generation: wall + 2 }))
      a.hear(4_200, b, { _tag: "ProbeResult", id: round.id, verdict })
      expect(a.state().rounds.get("c")).toMatchObject({ _tag: "Probing", generation: wall + 2 })
      expect(eventsOf(a.until(60_000, [b]))).toStrictEqual(["Failed c"])
    }
  })

  it("of one announcer gives way to candidates of other announcers at the maximum, and those are not relayed", () => {
    const a = linkedTo([b, c, d], { maxMembers: 13 })
    const ghosts = Array.from({ length: 50 }, (_, i) => recordOf(`ghost${i}`))
    a.hear(1_000, b, update(...ghosts))
    expect(a.state().candidates.size).toBe(10)
    a.until(1_100)
    const others = Array.from({ length: 50 }, (_, i) => recordOf(`other${i}`))
    const outputs = [...a.hear(2_000, c, update(...others)), ...a.until(2_100)]
    expect([...a.state().announced]).toStrictEqual([
      ["b", 5],
      ["c", 5],
    ])
    expect(framesOf(outputs, "Update")).toStrictEqual([])
    a.hear(3_000, d, update(recordOf("real")))
    expect(a.state().candidates.get("real")?.announcer).toBe("d")
  })
})
