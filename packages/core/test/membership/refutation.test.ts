/** Accusations of this node and newer lives of its name (docs/protocol.md R7, R8). */
import { describe, expect, it } from "@effect/vitest"
import type { Key } from "../../src/protocol/PeerRecord.ts"
import {
  bodyOf,
  wall,
  recordOf,
  b,
  c,
  update,
  nodeOf,
  linkedTo,
  eventsOf,
  framesOf,
  recordsSent,
  stoppedOf,
} from "./support.ts"

describe("R7: an accusation about this node", () => {
  it.each(["suspect", "failed"] as const)("%s is refuted by a greater incarnation, which is broadcast", (status) => {
    const a = linkedTo([b, c])
    a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 0, status })
    expect(a.state().self.incarnation).toBe(1)
    expect(framesOf(a.until(1_100), "Update")).toMatchObject([
      { to: ["b", "c"], frame: { records: [{ name: "a", incarnation: 1, status: "alive" }] } },
    ])
  })

  it("is refuted alike in Update, digest, delta, handshake and link", () => {
    const said: Key = { name: "a", generation: wall, incarnation: 5, status: "suspect" }
    const viaUpdate = linkedTo([b])
    viaUpdate.hear(1_000, b, update({ ...said, body: bodyOf("a") }))
    const viaDigest = linkedTo([b])
    viaDigest.hear(1_000, b, { _tag: "SyncDigest", entries: [said], last: true })
    const viaDelta = linkedTo([b])
    viaDelta.hear(1_000, b, { _tag: "SyncDelta", records: [{ ...said, body: bodyOf("a") }], want: [] })
    const inHandshake = nodeOf("a")
    inHandshake.at(1_000, { _tag: "SelfAccused", youAre: said })
    const withLink = nodeOf("a")
    withLink.meet(1_000, b, { youAre: said })
    for (const node of [viaUpdate, viaDigest, viaDelta, inHandshake, withLink]) {
      expect(node.state().self.incarnation).toBe(6)
    }
  })

  it("that is older than this node's incarnation is ignored", () => {
    const a = nodeOf("a", {}, { incarnation: 4 })
    a.meet(0, b)
    a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 3, status: "failed" })
    a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 4, status: "alive" })
    a.hear(1_000, b, { _tag: "YouAre", generation: wall - 1, incarnation: 9, status: "failed" })
    expect(a.state().self.incarnation).toBe(4)
  })

  it("alive at a greater incarnation than its own is overtaken", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 3, status: "alive" })
    expect(a.state().self.incarnation).toBe(4)
  })

  it("left is refuted like any accusation, and stops nobody", () => {
    const a = linkedTo([b, c])
    const outputs = a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 0, status: "left" })
    expect([eventsOf(outputs), stoppedOf(outputs)]).toStrictEqual([[], []])
    expect(a.state().phase._tag).toBe("Running")
    expect(recordsSent(a.until(1_100), "a")).toMatchObject([{ incarnation: 1, status: "alive" }])
  })

  it("left, told to a node that has met nobody, makes it begin a newer life", () => {
    const a = nodeOf("a")
    a.at(1_000, { _tag: "SelfAccused", youAre: { generation: wall, incarnation: 3, status: "left" } })
    expect(a.state()).toMatchObject({ phase: { _tag: "Running" }, self: { generation: wall + 1, incarnation: 0 } })
  })

  it("a second body under its own incarnation is replaced by the next incarnation", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update({ ...recordOf("a"), body: bodyOf("a", { other: "life" }) }))
    expect(a.state().self).toMatchObject({ incarnation: 1, body: bodyOf("a") })
  })

  it("metadata is broadcast in the next incarnation", () => {
    const a = linkedTo([b])
    const before = a.state().viewHash
    const outputs = [...a.at(1_000, { _tag: "MetadataSet", metadata: { v: "1" } }), ...a.until(1_100)]
    expect(recordsSent(outputs, "a")).toMatchObject([{ incarnation: 1, body: { metadata: { v: "1" } } }])
    expect(a.state().viewHash).not.toBe(before)
  })
})

describe("R8: a newer life of this node's name", () => {
  it("in a record stops this node", () => {
    const a = linkedTo([b])
    const outputs = a.hear(1_000, b, update(recordOf("a", { generation: wall + 1 })))
    expect(eventsOf(outputs)).toStrictEqual(["Superseded"])
    expect(stoppedOf(outputs)).toStrictEqual(["superseded"])
  })

  it("in HelloReject `stale` before the first link makes it take the higher generation", () => {
    const a = nodeOf("a")
    a.at(1_000, { _tag: "GenerationOutdated", atLeastGeneration: wall + 7 })
    expect(a.state().self).toMatchObject({ generation: wall + 7, incarnation: 0 })
    expect(a.state().phase._tag).toBe("Running")
    a.at(1_000, { _tag: "GenerationOutdated", atLeastGeneration: wall + 6 })
    expect(a.state().self.generation).toBe(wall + 7)
  })

  it("in HelloReject `stale` after the first link stops it", () => {
    const a = linkedTo([b])
    expect(stoppedOf(a.at(1_000, { _tag: "GenerationOutdated", atLeastGeneration: wall + 7 }))).toStrictEqual([
      "superseded",
    ])
  })

  it("after it took a higher generation, answers to the lower one do not stop it", () => {
    const a = nodeOf("a")
    a.at(1_000, { _tag: "GenerationOutdated", atLeastGeneration: wall + 7 })
    a.meet(1_000, b)
    a.at(1_100, { _tag: "GenerationOutdated", atLeastGeneration: wall + 8 })
    a.at(1_200, { _tag: "LinkDown", peer: b, code: "replaced", silent: false })
    expect(a.state().phase._tag).toBe("Running")
    expect(stoppedOf(a.at(1_300, { _tag: "GenerationOutdated", atLeastGeneration: wall + 9 }))).toStrictEqual([
      "superseded",
    ])
  })
})

describe("what cannot be true of this node", () => {
  const day = 24 * 3_600_000

  it("a generation more than a day ahead does not stop it", () => {
    const a = linkedTo([b])
    expect(eventsOf(a.hear(1_000, b, update(recordOf("a", { generation: wall + 3 * day }))))).toStrictEqual([
      "Diagnostic",
    ])
    expect(a.state().phase._tag).toBe("Running")
  })

  it("an incarnation far ahead of its own is not refuted", () => {
    const a = linkedTo([b])
    const said = { _tag: "YouAre", generation: wall, incarnation: 65_537, status: "failed" } as const
    expect(eventsOf(a.hear(1_000, b, said))).toStrictEqual(["Diagnostic"])
    expect(a.state().self.incarnation).toBe(0)
    a.hear(1_000, b, { ...said, incarnation: 65_536 })
    expect(a.state().self.incarnation).toBe(65_537)
  })
})
