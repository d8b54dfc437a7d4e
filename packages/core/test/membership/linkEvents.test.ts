/** New and lost links (docs/protocol.md R2, R8, R9). */
import { describe, expect, it } from "@effect/vitest"
import * as Settings from "../../src/membership/Settings.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import {
  addressOf,
  bodyOf,
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
  makeUnreachable,
  eventsOf,
  framesOf,
  closedOf,
  statusInView,
  linkOf,
  suspicionOf,
} from "./support.ts"
import { dialTargets } from "./dialTargets.ts"

describe("R2: a handshake makes a member", () => {
  it("a newcomer without links joins and is broadcast", () => {
    const a = linkedTo([b])
    const alone = { address: addressOf("c"), viewHash: PeerRecord.memberHash(c) }
    const outputs = [...a.meet(1_500, c, alone), ...a.until(1_600)]
    expect(eventsOf(outputs)).toStrictEqual(["Joined c"])
    expect(framesOf(outputs, "Update")).toStrictEqual([{ to: ["b", "c"], frame: update(c) }])
  })

  it("a newcomer with links joins and is gossiped, because the other members do the same", () => {
    const peers = Array.from({ length: 30 }, (_, i) => recordOf(`p${i}`))
    const a = linkedTo(peers)
    const outputs = [...a.meet(1_500, c, { viewHash: 1n }), ...a.until(1_600)]
    expect(eventsOf(outputs)).toStrictEqual(["Joined c"])
    const updates = framesOf(outputs, "Update")
    expect(updates).toMatchObject([{ frame: update(c) }])
    expect(updates[0]?.to).toHaveLength(Settings.defaults.relayFanOut(32))
  })

  it("a candidate joins and is not gossiped again", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    a.until(1_100)
    const outputs = [...a.meet(1_500, c, { address: addressOf("c") }), ...a.until(1_600)]
    expect(eventsOf(outputs)).toStrictEqual(["Joined c"])
    expect(framesOf(outputs, "Update")).toStrictEqual([])
    expect(a.state().candidates.size).toBe(0)
  })

  it("an accusation of a candidate that arrived during its handshake remains", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    a.hear(1_100, b, update(claim(c, "failed", 3, "b")))
    const outputs = a.meet(1_200, c)
    expect(eventsOf(outputs)).toStrictEqual(["Joined c"])
    expect(framesOf(outputs, "YouAre")).toMatchObject([{ to: ["c"], frame: { incarnation: 3, status: "failed" } }])
    expect(a.state().members.get("c")?.record).toMatchObject({ incarnation: 3, status: "failed" })
    expect(statusInView(a, "c")).toBe("alive")
    expect(eventsOf(a.hear(1_300, c, update(claim(c, "alive", 4))))).toStrictEqual([])
    expect(suspicionOf(a, "c")).toBeUndefined()
  })

  it("a candidate gives its place to a peer that completes a handshake", () => {
    const a = linkedTo([b], { maxMembers: 2 })
    a.hear(1_000, b, update(c))
    expect(eventsOf(a.meet(2_000, d))).toStrictEqual(["Joined d"])
    expect(a.state().candidates.size).toBe(0)
  })

  it("the member that failed longest ago gives its place to a peer that completes a handshake", () => {
    const a = linkedTo([b, c], { maxMembers: 2, suspicionMax: 2_000 })
    makeUnreachable(a, 1_000, b, c)
    makeUnreachable(a, 2_000, c)
    expect(eventsOf(a.until(10_000))).toStrictEqual(["Failed b", "Failed c", "PartitionSuspected"])
    expect(eventsOf(a.meet(11_000, d))).toStrictEqual(["Reconnected", "Joined d", "PartitionHealed"])
    expect([...a.state().members.keys()]).toStrictEqual(["c", "d"])
    expect(a.state().tombstones.get("b")).toMatchObject({ status: "failed" })
  })

  it("at the maximum an unknown peer is refused, and a known member is not", () => {
    const a = linkedTo([b, c], { maxMembers: 2 })
    const outputs = a.meet(1_000, d)
    expect(eventsOf(outputs)).toStrictEqual(["Diagnostic"])
    // Not `parted`, after which the peer would never dial again.
    expect(closedOf(outputs)).toStrictEqual(["busy d"])
    loseLink(a, 2_000, b)
    expect(eventsOf(a.meet(3_000, b))).toStrictEqual(["Reachable b"])
    expect(eventsOf(a.meet(3_000, { ...c, generation: c.generation + 1 }))).toStrictEqual(["Replaced c"])
  })

  it("a link of an older life is not a link of the newer life", () => {
    const a = linkedTo([b])
    expect(eventsOf(loseLink(a, 1_000, { ...b, generation: b.generation - 1 }))).toStrictEqual([])
    expect(linkOf(a, "b")).toBe("up")
  })
})

describe("a restart within one generation", () => {
  it("gets the known record of its life", () => {
    const known: PeerRecord.PeerRecord = { ...claim(b, "alive", 2), body: bodyOf("b", { v: "1" }) }
    const a = linkedTo([known])
    loseLink(a, 1_000, known)
    const outputs = a.meet(2_000, b)
    expect(framesOf(outputs, "Update")).toStrictEqual([{ to: ["b"], frame: update(known) }])
    expect(a.state().members.get("b")?.record).toStrictEqual(known)
    expect(suspicionOf(a, "b")).toBeUndefined()
  })
})

describe("R8: a newer life", () => {
  const newer: PeerRecord.PeerRecord = { ...b, generation: b.generation + 1 }

  it("is a candidate until its handshake, and then replaces the older life", () => {
    const a = linkedTo([b, c])
    expect(eventsOf(a.hear(1_000, c, update(newer)))).toStrictEqual([])
    expect(a.state().view.peers.get("b")?.generation).toBe(b.generation)
    const outputs = a.meet(2_000, newer)
    expect(eventsOf(outputs)).toStrictEqual(["Replaced b"])
    expect(a.state().view.peers.get("b")?.generation).toBe(newer.generation)
    expect(a.state().candidates.size).toBe(0)
  })

  it("refuses a link of the older life while the newer life has not failed", () => {
    const a = linkedTo([newer, c])
    expect(closedOf(a.meet(1_000, b))).toStrictEqual(["replaced b"])
    expect(a.state().members.get("b")?.record.generation).toBe(newer.generation)
    loseLink(a, 1_000, newer)
    expect(closedOf(a.meet(1_100, b))).toStrictEqual(["replaced b"])
  })

  it("that failed or left gives way to an older life that completes a handshake", () => {
    const failed = linkedTo([newer, c], { suspicionMax: 2_000 })
    makeUnreachable(failed, 1_000, newer, c)
    expect(eventsOf(failed.until(10_000, [c]))).toStrictEqual(["Failed b"])
    const left = linkedTo([newer, c])
    left.hear(1_000, newer, { _tag: "Leave", generation: newer.generation })
    const saidToHaveLeft = linkedTo([c])
    saidToHaveLeft.hear(1_000, c, update(claim(newer, "left")))
    for (const a of [failed, left, saidToHaveLeft]) {
      const outputs = a.meet(11_000, b)
      expect([eventsOf(outputs), closedOf(outputs)]).toStrictEqual([["Joined b"], []])
      // A late record of the newer life makes it a candidate again, and ends nothing.
      expect(eventsOf(a.hear(12_000, c, update(claim(newer, "failed"), claim(newer, "left", 1))))).toStrictEqual([])
      expect([linkOf(a, "b"), a.state().members.get("b")?.record.generation]).toStrictEqual(["up", b.generation])
    }
  })
})

describe("disconnect", () => {
  it("removes the peer from the view, closes the link and stops dialing", () => {
    const a = linkedTo([b, c])
    const hash = a.state().viewHash
    const outputs = a.at(1_000, { _tag: "Disconnect", name: "b" })
    expect(eventsOf(outputs)).toStrictEqual(["Disconnected b"])
    expect(closedOf(outputs)).toStrictEqual(["parted b"])
    expect(eventsOf(loseLink(a, 1_100, b))).toStrictEqual([])
    expect(eventsOf(failDial(a, 1_200, b))).toStrictEqual([])
    expect(dialTargets(a.state()).size).toBe(0)
    expect(a.state().viewHash).toBe(hash)
    expect(a.at(1_300, { _tag: "Disconnect", name: "b" })).toStrictEqual([])
  })

  it("by the other side has the same effect", () => {
    const a = linkedTo([b])
    expect(eventsOf(a.at(1_000, { _tag: "LinkDown", peer: b, code: "parted", silent: false }))).toStrictEqual([
      "Disconnected b",
    ])
    expect(dialTargets(a.state()).size).toBe(0)
  })

  it("ends with a link", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Disconnect", name: "b" })
    loseLink(a, 1_100, b)
    expect(eventsOf(a.meet(2_000, b))).toStrictEqual(["Joined b"])
    expect(statusInView(a, "b")).toBe("alive")
  })

  it("ends with one event even if the peer was suspected meanwhile", () => {
    const a = linkedTo([b, c])
    a.at(1_000, { _tag: "Disconnect", name: "b" })
    loseLink(a, 1_100, b)
    expect(eventsOf(a.hear(1_200, c, update(claim(b, "suspect", 0, "c"))))).toStrictEqual([])
    expect(eventsOf(a.meet(2_000, claim(b, "alive", 1)))).toStrictEqual(["Joined b"])
  })

  it("does not prevent the peer's next life from joining", () => {
    const a = linkedTo([b, c])
    a.at(1_000, { _tag: "Disconnect", name: "b" })
    loseLink(a, 1_100, b)
    a.hear(1_200, c, update({ ...b, generation: wall + 1 }))
    expect(dialTargets(a.state()).size).toBe(0)
    expect(eventsOf(a.meet(2_000, { ...b, generation: wall + 1 }))).toStrictEqual(["Joined b"])
  })
})
