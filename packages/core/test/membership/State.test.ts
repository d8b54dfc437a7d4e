/** Queries of a state. */
import { describe, expect, it } from "@effect/vitest"
import * as State from "../../src/membership/State.ts"
import { memberHash } from "../../src/protocol/PeerRecord.ts"
import { addressOf, wall, b, c, d, e, update, eventsOf, nodeOf, linkedTo, loseLink } from "./support.ts"
import { dialTargets } from "./dialTargets.ts"

describe("dial targets", () => {
  it("begin with the address of the last successful dial", () => {
    const a = nodeOf("a")
    a.meet(0, b, { address: addressOf("elsewhere") })
    loseLink(a, 1_000, b)
    expect(dialTargets(a.state()).get("b")?.addresses).toStrictEqual([addressOf("elsewhere"), addressOf("b")])
  })
})

describe("dial targets of a state", () => {
  it("are lost and failed members and candidates, without disconnected peers and peers with a link", () => {
    const a = linkedTo([b, c, d])
    loseLink(a, 1_000, b)
    loseLink(a, 1_000, c)
    a.at(1_000, { _tag: "Disconnect", name: "c" })
    a.hear(1_000, d, update(e))
    const kinds = [...dialTargets(a.state())].map(([name, { kind }]) => `${kind} ${name}`)
    expect(kinds).toStrictEqual(["lost b", "candidate e"])
  })
})

describe("the view hash in a handshake", () => {
  it("is the hash of this node alone only if it has met no peer", () => {
    const a = nodeOf("a")
    const alone = State.introductionHash(a.state())
    expect(alone).toBe(memberHash(a.state().self))
    a.meet(0, b)
    expect(State.introductionHash(a.state())).toBe(a.state().viewHash)
    loseLink(a, 1_000, b)
    expect(eventsOf(a.until(60_000))).toContain("Failed b")
    // Peers would otherwise refuse this node as one that can take another generation, which it does not.
    expect(a.state().viewHash).toBe(alone)
    expect(State.introductionHash(a.state())).toBe(0n)
  })
})

describe("a state", () => {
  it("knows the names and links of its members", () => {
    const a = linkedTo([b, c])
    loseLink(a, 1_000, b)
    expect([...a.state().linked]).toStrictEqual(["c"])
    expect([State.hasLink(a.state(), "b"), State.hasLink(a.state(), "c"), State.hasLink(a.state(), "x")]).toStrictEqual(
      [false, true, false],
    )
  })

  it("knows the newest life of a name, and the life that has left", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, b, { _tag: "Leave", generation: wall })
    expect([State.newestMet(a.state(), "b"), State.newestMet(a.state(), "x")]).toStrictEqual([wall, 0])
    expect([State.livingGeneration(a.state(), "b"), State.livingGeneration(a.state(), "c")]).toStrictEqual([0, wall])
    expect(State.tombstoneOfLeft(a.state(), b)).toMatchObject({ name: "b", status: "left" })
    expect(State.tombstoneOfLeft(a.state(), { name: "b", generation: wall + 1 })).toBeUndefined()
  })

  it("tolerates a longer silence while the local health is bad", () => {
    const a = linkedTo([b])
    expect(State.effectiveLinkTimeout(a.state())).toBe(3_000)
    a.at(1_000, { _tag: "Tick", stalled: true })
    expect(State.effectiveLinkTimeout(a.state())).toBe(6_000)
  })

  it("has no deadline at rest, and otherwise the earliest of several deadlines", () => {
    const a = linkedTo([b, c])
    expect(State.deadline(a.state())).toBeUndefined()
    a.hear(1_000, b, update(d))
    expect(State.deadline(a.state())).toBe(1_020)
    a.until(1_020)
    expect(State.deadline(a.state())).toBe(31_000)
  })
})
