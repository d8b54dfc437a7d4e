/**
 * How news spread, and how views that differ are made equal (docs/protocol.md, chapter 12).
 */
import { describe, expect, it } from "@effect/vitest"
import * as State from "../../src/membership/State.ts"
import type { Key } from "../../src/protocol/PeerRecord.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import type { Node } from "./support.ts"
import {
  as,
  b,
  bodyOf,
  c,
  d,
  eventsOf,
  framesOf,
  linkedTo,
  lost,
  nodeOf,
  recordOf,
  toldOf,
  update,
  wall,
} from "./support.ts"

describe("metadata", () => {
  it("of this node is told under the next incarnation", () => {
    const a = linkedTo([b])
    const before = a.state().viewHash
    const outputs = [...a.at(1_000, { _tag: "Describe", metadata: { v: "1" } }), ...a.until(1_100)]
    expect(toldOf(outputs, "a")).toMatchObject([{ incarnation: 1, body: { metadata: { v: "1" } } }])
    expect(a.state().viewHash).not.toBe(before)
  })

  it("of a member changes once", () => {
    const a = linkedTo([b, c])
    const next: PeerRecord.PeerRecord = { ...as(b, "alive", 1), body: bodyOf("b", { v: "1" }) }
    expect(eventsOf(a.hear(1_000, b, update(next)))).toStrictEqual(["MetadataChanged b"])
    expect(eventsOf(a.hear(1_100, c, update(next)))).toStrictEqual([])
    expect(eventsOf(a.hear(1_200, c, update(b)))).toStrictEqual([])
    expect(a.state().view.peers.get("b")?.metadata).toStrictEqual({ v: "1" })
  })

  it("written twice under one incarnation is the greater everywhere, and the owner hears of it", () => {
    const [low, high] = [bodyOf("b", { v: "1" }), bodyOf("b", { v: "2" })]
      .map((body): PeerRecord.PeerRecord => ({ ...b, body }))
      .sort(PeerRecord.compare)
    if (low === undefined || high === undefined) throw new Error("two records are two")
    const first = linkedTo([low, c])
    expect(eventsOf(first.hear(1_000, c, update(high)))).toStrictEqual(["Diagnostic", "MetadataChanged b"])
    const second = linkedTo([high, c])
    expect(second.hear(1_000, c, update(low))).toStrictEqual([])
    expect(framesOf(second.hear(1_000, b, update(low)), "Update")).toStrictEqual([{ to: ["b"], frame: update(high) }])
    for (const node of [first, second]) expect(node.state().members.get("b")?.record).toStrictEqual(high)
  })
})

describe("dissemination", () => {
  it("news gather for their delay, and only the newest of a name goes out", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Describe", metadata: { v: "1" } })
    a.at(1_010, { _tag: "Describe", metadata: { v: "2" } })
    expect(State.deadline(a.state())).toBe(1_020)
    expect(a.until(1_019)).toStrictEqual([])
    expect(toldOf(a.until(1_020), "a")).toMatchObject([{ incarnation: 2 }])
    expect(State.deadline(a.state())).toBeUndefined()
  })

  it("of an accusation that is refuted at once nothing is told", () => {
    const a = linkedTo([b, c, d])
    a.hear(1_000, c, update(as(b, "suspect", 0, "c")))
    a.hear(1_001, b, update(as(b, "alive", 1)))
    expect(toldOf(a.until(1_100), "b")).toMatchObject([{ status: "alive", incarnation: 1 }])
  })

  it("a member's own news are relayed once, to as many as the fan-out says", () => {
    const peers = Array.from({ length: 30 }, (_, i) => recordOf(`p${i}`))
    const [first] = peers
    if (first === undefined) throw new Error("thirty peers are some")
    const a = linkedTo(peers)
    const outputs = [...a.hear(1_000, first, update(as(first, "alive", 1))), ...a.until(1_100)]
    const updates = framesOf(outputs, "Update")
    expect(updates).toHaveLength(1)
    expect(new Set(updates[0]?.to).size).toBe(5)
    expect([...a.hear(2_000, first, update(as(first, "alive", 1))), ...a.until(2_100)]).toStrictEqual([])
  })
})

describe("anti-entropy", () => {
  const differ = (node: Node, now: number, viewHash: bigint) =>
    framesOf(node.at(now, { _tag: "HashDiffers", from: "b", viewHash }), "SyncDigest")

  it("begins with the second heartbeat in a row that brings the same difference", () => {
    const a = linkedTo([b])
    expect(differ(a, 1_000, 1n)).toHaveLength(0)
    expect(differ(a, 2_000, 2n)).toHaveLength(0)
    expect(differ(a, 3_000, 2n)).toMatchObject([
      { to: ["b"], frame: { entries: [{ name: "a" }, { name: "b" }], last: true } },
    ])
  })

  it("has one exchange at a time, and gives up one without an answer", () => {
    const a = linkedTo([b])
    differ(a, 1_000, 1n)
    expect(differ(a, 2_000, 1n)).toHaveLength(1)
    expect(differ(a, 3_000, 2n)).toHaveLength(0)
    expect(differ(a, 4_000, 2n)).toHaveLength(0)
    a.until(7_000)
    expect(differ(a, 7_001, 2n)).toHaveLength(1)
  })

  it("leaves two hashes alone that it could not make equal, for a while", () => {
    const a = linkedTo([b])
    differ(a, 1_000, 1n)
    expect(differ(a, 2_000, 1n)).toHaveLength(1)
    a.hear(2_100, b, { _tag: "SyncDelta", records: [], want: [] })
    expect(differ(a, 3_000, 1n)).toHaveLength(0)
    expect(differ(a, 31_999, 1n)).toHaveLength(0)
    expect(differ(a, 32_000, 1n)).toHaveLength(1)
  })

  it("starts no more exchanges than its interval allows", () => {
    const a = linkedTo([b])
    differ(a, 1_000, 1n)
    expect(differ(a, 1_001, 1n)).toHaveLength(1)
    a.hear(1_002, b, { _tag: "SyncDelta", records: [], want: [] })
    differ(a, 1_003, 2n)
    expect(differ(a, 1_250, 2n)).toHaveLength(0)
    expect(differ(a, 1_251, 2n)).toHaveLength(1)
  })

  it("an exchange makes two views equal, a peer that left included", () => {
    // a knows that c left and the newest of d; b knows neither.
    const a = nodeOf("a")
    const bNode = nodeOf("b")
    a.meet(0, b)
    bNode.meet(0, recordOf("a"))
    bNode.hear(0, recordOf("a"), { _tag: "SyncDelta", records: [], want: [] })
    a.meet(0, c)
    a.meet(0, as(d, "alive", 2))
    bNode.meet(0, c)
    bNode.meet(0, d)
    a.hear(1, c, { _tag: "Leave", generation: wall })
    for (const node of [a, bNode]) node.until(100)
    expect(bNode.state().viewHash).not.toBe(a.state().viewHash)
    bNode.at(1_000, { _tag: "HashDiffers", from: "a", viewHash: a.state().viewHash })
    const digests = framesOf(
      bNode.at(2_000, { _tag: "HashDiffers", from: "a", viewHash: a.state().viewHash }),
      "SyncDigest",
    )
    expect(digests).toHaveLength(1)
    const deltas = digests.flatMap(({ frame }) => framesOf(a.hear(2_001, b, frame), "SyncDelta"))
    expect(deltas).toHaveLength(1)
    for (const { frame } of deltas) bNode.hear(2_002, recordOf("a"), frame)
    expect(bNode.state().viewHash).toBe(a.state().viewHash)
    expect(bNode.state().tombstones.get("c")?.status).toBe("left")
    expect(bNode.state().sync).toBeUndefined()
  })

  it("what the digest knows better is wanted, and given", () => {
    const a = linkedTo([b, c])
    const entries: ReadonlyArray<Key> = [as(c, "alive", 3), d]
    const [delta] = framesOf(a.hear(1_000, b, { _tag: "SyncDigest", entries, last: true }), "SyncDelta")
    expect(delta?.frame.want).toStrictEqual(["c", "d"])
    expect(delta?.frame.records.map(({ name }) => name)).toStrictEqual(["b", "a"])
    const answer = framesOf(a.hear(1_100, b, { _tag: "SyncDelta", records: [], want: ["c", "a", "x"] }), "SyncDelta")
    expect(answer).toMatchObject([{ to: ["b"], frame: { records: [{ name: "c" }, { name: "a" }], want: [] } }])
  })

  it("a digest in chunks is answered after the last", () => {
    const a = linkedTo([b, c])
    expect(a.hear(1_000, b, { _tag: "SyncDigest", entries: [recordOf("a"), b], last: false })).toStrictEqual([])
    const outputs = a.hear(1_100, b, { _tag: "SyncDigest", entries: [c], last: true })
    expect(framesOf(outputs, "SyncDelta")).toMatchObject([{ frame: { records: [], want: [] } }])
  })

  it("a digest beyond the bound of members is forgotten", () => {
    const a = linkedTo([b], { maxMembers: 3 })
    const entries = Array.from({ length: 3 }, (_, i): Key => recordOf(`x${i}`))
    a.hear(1_000, b, { _tag: "SyncDigest", entries, last: false })
    expect(eventsOf(a.hear(1_000, b, { _tag: "SyncDigest", entries, last: false }))).toStrictEqual(["Diagnostic"])
    expect(a.state().digests.size).toBe(0)
  })

  it("what was under way is forgotten with the link", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, b, { _tag: "SyncDigest", entries: [c], last: false })
    differ(a, 1_000, 1n)
    differ(a, 2_000, 1n)
    lost(a, 2_100, b)
    expect(a.state().sync).toBeUndefined()
    expect(a.state().digests.size).toBe(0)
  })

  it("a link begins with an exchange if the views differ, and the lower name sends it", () => {
    const a = linkedTo([b])
    expect(framesOf(a.meet(1_000, c, { viewHash: 5n }), "SyncDigest")).toHaveLength(1)
    const z = nodeOf("z")
    z.meet(0, b)
    z.hear(0, b, { _tag: "SyncDelta", records: [], want: [] })
    expect(framesOf(z.meet(1_000, c, { viewHash: 5n }), "SyncDigest")).toHaveLength(0)
  })

  it("the first link of all begins with an exchange, whatever the names", () => {
    for (const name of ["a", "z"]) {
      const node = nodeOf(name)
      expect(framesOf(node.meet(0, b, { viewHash: 5n }), "SyncDigest")).toMatchObject([{ to: ["b"] }])
      expect(node.state().sync?.peer).toBe("b")
    }
  })

  it("of many links that come up at once one begins with an exchange", () => {
    const a = linkedTo([b])
    const peers = Array.from({ length: 20 }, (_, i) => recordOf(`p${i}`))
    const outputs = peers.flatMap((peer) => a.meet(1_000, peer, { viewHash: 5n }))
    expect(framesOf(outputs, "SyncDigest")).toHaveLength(1)
  })
})
