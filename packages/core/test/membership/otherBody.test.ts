/** Records of one key with different bodies (docs/protocol.md, sections "The order of records" and "Updates"). */
import { describe, expect, it } from "@effect/vitest"
import { maxIncarnation } from "../../src/protocol/constants.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import { Mesh } from "./Mesh.ts"
import type { Node } from "./support.ts"
import {
  addressOf,
  b,
  bodyOf,
  c,
  claim,
  eventsOf,
  framesOf,
  linkedTo,
  loseLink,
  nodeOf,
  recordOf,
  recordsSent,
  update,
} from "./support.ts"

/** Returns a record with the key of this record and a body whose hash is greater or less. The address is false. */
const forgeryOf = (record: PeerRecord.PeerRecord, order: 1 | -1): PeerRecord.PeerRecord => {
  for (let i = 0; i < 100; i++) {
    const body = { ...bodyOf(record.name, { forged: String(i) }), addresses: [addressOf("elsewhere")] }
    const forgery = { ...record, body }
    if (Math.sign(PeerRecord.compare(forgery, record)) === order) return forgery
  }
  throw new Error("expected a greater hash among a hundred")
}

const [less, greater] = [forgeryOf(c, -1), forgeryOf(c, 1)]

const heldOf = (node: Node, name: string) => node.state().members.get(name)?.record

const challenges = (outputs: Parameters<typeof framesOf>[0]) => framesOf(outputs, "Update")

describe("another body at the known key", () => {
  it.each([
    ["a greater", greater],
    ["a lesser", less],
  ])("%s is not stored if there is a link to the owner, which receives it", (_, forgery) => {
    const a = linkedTo([b, c])
    const outputs = a.hear(1_000, b, update(forgery))
    expect(challenges(outputs)).toStrictEqual([{ to: ["c"], frame: update(forgery) }])
    expect(heldOf(a, "c")).toStrictEqual(c)
    expect(recordsSent(a.until(1_100), "c")).toStrictEqual([])
  })

  it("is sent to the owner once, however many arrive before its next incarnation", () => {
    const a = linkedTo([b, c])
    expect(challenges(a.hear(1_000, b, update(greater, less, greater)))).toHaveLength(1)
    expect(a.hear(1_100, b, update(less))).toStrictEqual([])
    a.hear(1_200, c, update(claim(c, "alive", 1)))
    expect(a.hear(1_300, b, update(less))).toStrictEqual([])
    expect(challenges(a.hear(1_400, b, update(claim(less, "alive", 1))))).toHaveLength(1)
  })

  it("is sent to the owner again if it does not answer within syncTimeout", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, b, update(greater))
    expect(challenges(a.hear(5_999, b, update(greater)))).toStrictEqual([])
    expect(challenges(a.hear(6_000, b, update(greater)))).toHaveLength(1)
  })

  it("is stored and relayed if it is greater and there is no link to the owner", () => {
    const a = linkedTo([b, c])
    loseLink(a, 500, c)
    expect(eventsOf(a.hear(1_000, b, update(greater)))).toStrictEqual(["Diagnostic", "MetadataChanged c"])
    expect(heldOf(a, "c")).toStrictEqual(greater)
    expect(recordsSent(a.until(1_100), "c")).toStrictEqual([greater])
    expect(a.hear(1_200, b, update(less))).toStrictEqual([])
    expect(a.hear(1_200, b, update(greater))).toStrictEqual([])
  })

  it("from the owner is stored, and the owner receives the other body", () => {
    for (const own of [less, greater]) {
      const a = linkedTo([b, c])
      const outputs = a.hear(1_000, c, update(own))
      expect(challenges(outputs)).toStrictEqual([{ to: ["c"], frame: update(c) }])
      expect(heldOf(a, "c")).toStrictEqual(own)
    }
  })

  it("in the handshake of the owner is stored, and the owner receives the other body", () => {
    for (const forgery of [less, greater]) {
      const a = linkedTo([b, forgery])
      loseLink(a, 500, forgery)
      const outputs = a.meet(1_000, c)
      expect(challenges(outputs)).toStrictEqual([{ to: ["c"], frame: update(forgery) }])
      expect(heldOf(a, "c")).toStrictEqual(c)
      expect(eventsOf(outputs)).toStrictEqual(["Reachable c", "MetadataChanged c"])
    }
  })

  it("of a candidate is sent to the owner when the handshake of the owner shows its own body", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(greater))
    expect(challenges(a.meet(1_010, c))).toStrictEqual([{ to: ["c"], frame: update(greater) }])
    expect(heldOf(a, "c")).toStrictEqual(c)
  })

  it("in an accusation does not replace the known body", () => {
    for (const isLinked of [true, false]) {
      const a = linkedTo([b, c])
      if (!isLinked) loseLink(a, 500, c)
      a.hear(1_000, b, update(claim(greater, "suspect", 0, "b")))
      a.hear(1_000, b, update(claim(greater, "suspect", 0, "d"), claim(less, "suspect", 0, "e")))
      expect(heldOf(a, "c")).toMatchObject({ status: "suspect", body: c.body })
    }
  })
})

describe("an owner that receives its own key with other bodies", () => {
  it("raises its incarnation at most once in 20 ms, and broadcasts its record once for all of them at one time", () => {
    const a = linkedTo([b, c])
    const own = recordOf("a")
    a.hear(1_000, b, update(forgeryOf(own, 1), forgeryOf(own, -1)))
    const again = update(forgeryOf(own, 1), forgeryOf(claim(own, "alive", 1), 1))
    a.hear(1_019, c, again)
    expect(a.state().self).toStrictEqual(claim(own, "alive", 1))
    const sent = framesOf(a.until(1_100), "Update")
    expect(sent).toMatchObject([{ to: ["b", "c"], frame: update(claim(own, "alive", 1)) }])
    a.hear(1_101, c, again)
    expect(a.state().self).toStrictEqual(claim(own, "alive", 2))
  })

  it("never exceeds the greatest incarnation", () => {
    const own = recordOf("a", { incarnation: maxIncarnation })
    const a = nodeOf("a", {}, { incarnation: maxIncarnation })
    a.meet(0, b)
    a.hear(1_000, b, update(forgeryOf(own, 1)))
    expect(a.state().self.incarnation).toBe(maxIncarnation)
  })
})

describe("a forged body", () => {
  it.each([1, -1] as const)("is repaired on all nodes if one of them has a link to the owner (order %d)", (order) => {
    const mesh = new Mesh(["a", "b", "c", "o"])
    const m = recordOf("m")
    mesh.linkStranger(m, ["a", "b"])
    mesh.cut("a", "o")
    mesh.cut("b", "o")
    mesh.runUntil(20_000)
    const own = mesh.node("o").state().self
    mesh.say(m, "a", update(forgeryOf(own, order)))
    // No node sends a digest: the view hashes of all nodes agree, because they do not depend on bodies.
    mesh.runUntil(21_000)
    const { self } = mesh.node("o").state()
    expect(self.body).toStrictEqual(own.body)
    for (const name of ["a", "b", "c"]) expect(heldOf(mesh.node(name), "o")).toStrictEqual(self)
  })
})
