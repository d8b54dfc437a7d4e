/** Leaving (docs/protocol.md R9). */
import { describe, expect, it } from "@effect/vitest"
import { lateHandshake } from "../../src/membership/linkEvents.ts"
import {
  type Node,
  wall,
  recordOf,
  b,
  c,
  d,
  claim,
  update,
  nodeOf,
  linkedTo,
  loseLink,
  eventsOf,
  framesOf,
  recordsSent,
  closedOf,
  stoppedOf,
} from "./support.ts"
import { dialTargets } from "./dialTargets.ts"

describe("R9: leaving", () => {
  it("waits for the acknowledgements of all peers with a link", () => {
    const a = linkedTo([b, c])
    loseLink(a, 500, c)
    a.meet(600, d)
    const outputs = a.at(1_000, { _tag: "Leave" })
    expect(framesOf(outputs, "Leave")).toStrictEqual([{ to: ["b", "d"], frame: { _tag: "Leave", generation: wall } }])
    expect(a.hear(1_100, b, { _tag: "LeaveAck", generation: wall })).toStrictEqual([])
    expect(stoppedOf(a.hear(1_200, d, { _tag: "LeaveAck", generation: wall }))).toStrictEqual(["left"])
  })

  it("does not wait for a peer whose link is lost", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Leave" })
    expect(stoppedOf(loseLink(a, 1_100, b))).toStrictEqual(["left"])
  })

  it("ends after leaveTimeout", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Leave" })
    expect(stoppedOf(a.until(5_999))).toStrictEqual([])
    expect(stoppedOf(a.until(6_000))).toStrictEqual(["left"])
  })

  it("without a link ends at once", () => {
    expect(stoppedOf(nodeOf("a").at(1_000, { _tag: "Leave" }))).toStrictEqual(["left"])
  })

  it("accepts no links and dials no peers", () => {
    const a = linkedTo([b, c])
    loseLink(a, 500, c)
    a.at(1_000, { _tag: "Leave" })
    expect(dialTargets(a.state()).size).toBe(0)
    expect(closedOf(a.meet(1_100, d))).toStrictEqual(["left d"])
  })

  it("is not refuted by beliefs about the leaving node", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Leave" })
    a.hear(1_100, b, update(recordOf("a", { status: "left" })))
    a.hear(1_100, b, { _tag: "YouAre", generation: wall, incarnation: 0, status: "left" })
    expect(a.state()).toMatchObject({ phase: { _tag: "Leaving" }, self: { incarnation: 0, status: "left" } })
  })

  it("sends this node's waiting record before Leave, and no record of this node afterwards", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "MetadataSet", metadata: { v: "1" } })
    const outputs = a.at(1_000, { _tag: "Leave" })
    const tags = outputs.flatMap((output) => (output._tag === "Send" ? [output.frame._tag] : []))
    expect(tags).toStrictEqual(["Update", "Leave"])
    expect(recordsSent(outputs, "a")).toMatchObject([{ incarnation: 1, status: "alive" }])
    expect(recordsSent(a.until(4_000), "a")).toStrictEqual([])
  })

  it("of a peer is acknowledged and gossiped, and ends with a greater record of the peer or a newer life", () => {
    const a = linkedTo([b, c])
    const outputs = [...a.hear(1_000, b, { _tag: "Leave", generation: wall }), ...a.until(1_100)]
    expect(eventsOf(outputs)).toStrictEqual(["Left b"])
    expect(framesOf(outputs, "LeaveAck")).toStrictEqual([{ to: ["b"], frame: { _tag: "LeaveAck", generation: wall } }])
    expect(recordsSent(outputs, "b")).toMatchObject([{ status: "left" }])
    a.hear(2_000, c, update(b))
    expect(dialTargets(a.state()).size).toBe(0)
    a.hear(2_000, c, update(claim(b, "alive", 1)))
    expect([...dialTargets(a.state()).keys()]).toStrictEqual(["b"])
    expect(a.state().members.has("b")).toBe(false)
    expect(eventsOf(a.meet(3_000, { ...b, generation: wall + 1 }))).toStrictEqual(["Joined b"])
  })

  it.each([
    ["Leave", (a: Node) => a.hear(1_000, b, { _tag: "Leave", generation: wall })],
    ["Bye left", (a: Node) => a.at(1_000, { _tag: "LinkDown", peer: b, code: "left", silent: false })],
  ])("%s of a peer refuses a handshake of that life that began before", (_, end) => {
    const a = linkedTo([b, c])
    expect(eventsOf(end(a))).toStrictEqual(["Left b"])
    a.hear(1_050, c, update(claim(b, "left", 0)))
    const late = a.meet(1_100, b)
    expect(eventsOf(late)).toStrictEqual([])
    // Not `parted`, after which another process of the life would never dial again.
    expect(closedOf(late)).toStrictEqual(["replaced b"])
    // Another process of the life can complete a handshake later.
    expect(eventsOf(a.meet(1_000 + lateHandshake, b))).toStrictEqual(["Joined b"])
  })

  it.each(["left", "superseded"] as const)(
    "Bye `%s` does not refuse another process of that life that refutes it in its handshake",
    (code) => {
      const a = linkedTo([b, c])
      a.at(1_000, { _tag: "LinkDown", peer: b, code, silent: false })
      const outputs = a.meet(1_100, { ...b, incarnation: 1 })
      expect(closedOf(outputs)).toStrictEqual([])
      expect(eventsOf(outputs)).toStrictEqual(["Joined b"])
    },
  )

  it("reported by another peer does not refuse a handshake of that life", () => {
    const a = linkedTo([b, c])
    loseLink(a, 500, b)
    a.hear(1_000, c, update(claim(b, "left", 0)))
    const outputs = a.meet(1_100, b)
    expect(closedOf(outputs)).toStrictEqual([])
    expect(a.state().members.get("b")?.record.status).toBe("alive")
  })

  it("of a peer counts only if the peer itself sends it", () => {
    const a = linkedTo([b, c])
    expect(a.hear(1_000, c, { _tag: "Leave", generation: wall - 1 })).toStrictEqual([])
    expect(a.state().view.peers.size).toBe(2)
  })

  it.each(["left", "superseded"] as const)("Bye `%s` ends the peer's life", (code) => {
    const a = linkedTo([b])
    expect(eventsOf(a.at(1_000, { _tag: "LinkDown", peer: b, code, silent: false }))).toStrictEqual(["Left b"])
    expect(a.state().tombstones.get("b")?.status).toBe("left")
  })
})
