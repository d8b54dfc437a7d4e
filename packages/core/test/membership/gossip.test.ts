/** Broadcasts and gossip (docs/protocol.md, section "Updates"). */
import { describe, expect, it } from "@effect/vitest"
import * as State from "../../src/membership/State.ts"
import {
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
  framesOf,
  recordsSent,
} from "./support.ts"

describe("dissemination", () => {
  it("news wait for updateDelay, and only the newest record of a name is sent", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "MetadataSet", metadata: { v: "1" } })
    a.at(1_010, { _tag: "MetadataSet", metadata: { v: "2" } })
    expect(State.deadline(a.state())).toBe(1_020)
    expect(a.until(1_019)).toStrictEqual([])
    expect(recordsSent(a.until(1_020), "a")).toMatchObject([{ body: { metadata: { v: "2" } } }])
    expect(State.deadline(a.state())).toBeUndefined()
  })

  it("an accusation that is refuted at once is not sent", () => {
    const a = linkedTo([b, c, d])
    a.hear(1_000, c, update(claim(b, "suspect", 0, "c")))
    a.hear(1_001, b, update(claim(b, "alive", 1)))
    expect(recordsSent(a.until(1_100), "b")).toMatchObject([{ status: "alive", incarnation: 1 }])
  })

  it("an accusation by this node is gossiped, however many others have accused the peer", () => {
    for (const accusers of [["c"], ["c", "d", "e"], ["c", "d", "e", "f"]]) {
      const a = linkedTo([b, c, d])
      loseLink(a, 1_000, b)
      a.hear(1_010, c, update(...accusers.map((by) => claim(b, "suspect", 0, by))))
      a.until(1_100)
      failDial(a, 1_200, b)
      answerProbes(a, 1_200, b, "down", c, d)
      expect(recordsSent(a.until(1_300), "b")).toMatchObject([{ status: "suspect", by: "a" }])
    }
  })

  it("a member's own news are relayed once, to relayFanOut peers", () => {
    const peers = Array.from({ length: 30 }, (_, i) => recordOf(`p${i}`))
    const [first] = peers
    if (first === undefined) throw new Error("expected a peer")
    const a = linkedTo(peers)
    const outputs = [...a.hear(1_000, first, update(claim(first, "alive", 1))), ...a.until(1_100)]
    const updates = framesOf(outputs, "Update")
    expect(updates).toHaveLength(1)
    expect(new Set(updates[0]?.to).size).toBe(5)
    expect([...a.hear(2_000, first, update(claim(first, "alive", 1))), ...a.until(2_100)]).toStrictEqual([])
  })
})
