/** Drafts: the effects of each change. */
import { describe, expect, it } from "@effect/vitest"
import * as Draft from "../../src/membership/Draft.ts"
import * as Member from "../../src/membership/Member.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import { wall, recordOf, b, c, d, claim, update, linkedTo, loseLink, eventsOf, framesOf, stoppedOf } from "./support.ts"
import { seal } from "./invariants.ts"

describe("R12: tombstones", () => {
  it("are kept for tombstoneTimeout", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, { _tag: "Leave", generation: wall })
    a.until(3_600_999)
    expect(a.state().tombstones.size).toBe(1)
    a.until(3_601_000)
    expect(a.state().tombstones.size).toBe(0)
  })

  it("are limited in number, and the oldest are evicted first", () => {
    const a = linkedTo([b], { tombstoneCapacity: 10 })
    for (let i = 0; i < 30; i++) {
      const peer = recordOf(`x${i}`)
      a.meet(1_000 + i, peer)
      a.hear(1_000 + i, peer, { _tag: "Leave", generation: wall })
    }
    expect([...a.state().tombstones.keys()]).toStrictEqual(Array.from({ length: 10 }, (_, i) => `x${i + 20}`))
  })

  it("are not part of the view hash", () => {
    const a = linkedTo([b, c])
    const alone = linkedTo([c])
    a.hear(1_000, b, { _tag: "Leave", generation: wall })
    expect(a.state().viewHash).toBe(alone.state().viewHash)
  })
})

describe("R12: reported ends", () => {
  const left = (name: string, life = 0) => recordOf(name, { generation: wall + life, status: "left" })

  it("are kept for candidateTimeout, and further reports about the same life do not prolong it", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(left("x")))
    a.hear(20_000, b, update(claim(left("x"), "left", 1)))
    expect(a.state().reportedEnds.get("x")?.incarnation).toBe(1)
    a.until(30_999)
    expect(a.state().reportedEnds.size).toBe(1)
    a.until(31_000)
    expect(a.state().reportedEnds.size).toBe(0)
  })

  it("of a later life replace the report about an earlier life, and are kept for another candidateTimeout", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(left("x")))
    a.hear(2_000, b, update(left("y")))
    a.hear(20_000, b, update(left("x", 1)))
    a.until(32_000)
    expect([...a.state().reportedEnds.values()]).toMatchObject([{ name: "x", generation: wall + 1, expiresAt: 50_000 }])
  })

  it("are limited in number, take the room of none, and do not evict tombstones", () => {
    const a = linkedTo([b, c], { tombstoneCapacity: 12 })
    a.hear(1_000, c, { _tag: "Leave", generation: wall })
    for (let i = 0; i < 30; i++) a.hear(2_000 + i, b, update(left(`x${i}`)))
    expect([...a.state().reportedEnds.keys()]).toStrictEqual(Array.from({ length: 12 }, (_, i) => `x${i}`))
    expect([...a.state().tombstones.keys()]).toStrictEqual(["c"])
  })
})

const initial = () => seal(linkedTo([b, c]).state())

describe("a draft", () => {
  it("without a change ends in the previous state", () => {
    const state = initial()
    expect(Draft.finish(Draft.start(state, 1_000))[0]).toBe(state)
  })

  it("never changes the previous state, and copies a map once", () => {
    const state = initial()
    const draft = Draft.start(state, 1_000)
    Draft.setMember(draft, "b", undefined)
    const members = draft.state.members
    Draft.setMember(draft, "c", undefined)
    expect(draft.state.members).toBe(members)
    expect([...state.members.keys()]).toStrictEqual(["b", "c"])
    expect(members.size).toBe(0)
  })

  it("updates the view hash and the size for alive and suspect members", () => {
    const state = initial()
    const draft = Draft.start(state, 1_000)
    Draft.setMember(draft, "d", Member.make(d, "Linked"))
    expect(draft.state.size).toBe(4)
    expect(draft.state.viewHash).toBe(state.viewHash ^ PeerRecord.memberHash(d))
    Draft.setMember(draft, "d", Member.make(claim(d, "failed"), "Down"))
    expect(draft.state.size).toBe(3)
    expect(draft.state.viewHash).toBe(state.viewHash)
  })

  it("ends the probe round about a peer that needs none any more", () => {
    const a = linkedTo([b, c])
    loseLink(a, 1_000, b)
    const draft = Draft.start(a.state(), 1_100)
    expect(draft.state.rounds.has("b")).toBe(true)
    Draft.setMember(draft, "b", Member.make(b, "Linked"))
    expect(draft.state.rounds.has("b")).toBe(false)
  })

  it("folds every event into the view", () => {
    const draft = Draft.start(initial(), 1_000)
    Draft.addMember(draft, Member.make(d, "Linked"))
    expect(draft.state.view.peers.get("d")).toStrictEqual(Member.toPeer(Member.make(d, "Linked")))
    expect(eventsOf(draft.outputs)).toStrictEqual(["Joined d"])
  })

  it("sends a peer only the last belief of a step", () => {
    const draft = Draft.start(initial(), 1_000)
    Draft.sendBelief(draft, claim(b, "suspect", 1))
    Draft.sendBelief(draft, claim(b, "failed", 2))
    expect(framesOf(draft.outputs, "YouAre")).toMatchObject([
      { to: ["b"], frame: { status: "failed", incarnation: 2 } },
    ])
  })

  it("stops once", () => {
    const draft = Draft.start(initial(), 1_000)
    Draft.stop(draft, "superseded")
    Draft.stop(draft, "left")
    expect(stoppedOf(draft.outputs)).toStrictEqual(["superseded"])
  })
})
