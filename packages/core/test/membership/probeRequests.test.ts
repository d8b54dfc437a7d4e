/** Answers to the probe requests of others (docs/protocol.md R3). */
import { describe, expect, it } from "@effect/vitest"
import type { Output } from "../../src/membership/Draft.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import type { Node } from "./support.ts"
import { wall, recordOf, b, c, d, linkedTo, loseLink, failDial, framesOf, recordsSent, update } from "./support.ts"

describe("R3: a probe request", () => {
  const request = (id: number, target: PeerRecord) =>
    ({ _tag: "ProbeRequest", id, target: target.name, generation: target.generation, deadline: 500 }) as const
  const answersTo = (node: Node, now: number, target: PeerRecord, heardAgo?: number, id = 7) =>
    node.at(now, { _tag: "Received", from: b, frame: request(id, target), heardAgo })
  const verdictsOf = (outputs: ReadonlyArray<Output>) =>
    framesOf(outputs, "ProbeResult").map(({ frame, to }) => `${to.join()} ${frame.id} ${frame.verdict}`)

  it("about a peer that was just heard is answered with up at once", () => {
    const a = linkedTo([b, c])
    expect(verdictsOf(answersTo(a, 1_000, c, 999))).toStrictEqual(["b 7 up"])
  })

  it("about another peer with a link sends it a Ping, and is answered with up after a reply", () => {
    const a = linkedTo([b, c])
    const outputs = answersTo(a, 1_000, c, 1_000)
    expect(verdictsOf(outputs)).toStrictEqual([])
    expect(outputs).toMatchObject([{ _tag: "PingNow", peer: { name: "c", generation: wall } }])
    expect(verdictsOf(a.at(1_300, { _tag: "PeerHeard", peer: c }))).toStrictEqual(["b 7 up"])
    expect(verdictsOf(a.at(1_400, { _tag: "PeerHeard", peer: c }))).toStrictEqual([])
  })

  it("is answered with a quarter of the time left to the deadline, because timers and frames need some of it", () => {
    for (const deadline of [2, 50, 500, 100_000]) {
      const a = linkedTo([b, c])
      a.at(1_000, { _tag: "Received", from: b, frame: { ...request(7, c), deadline }, heardAgo: undefined })
      // The probe timeout of this node is shorter than the last of the deadlines.
      const until = 1_000 + (3 * Math.min(deadline, 1_000)) / 4
      expect(verdictsOf(a.until(until))).toStrictEqual(["b 7 down"])
    }
  })

  it("is answered with down if the peer does not reply in time, or its link is lost meanwhile", () => {
    const a = linkedTo([b, c])
    answersTo(a, 1_000, c)
    expect(verdictsOf(a.until(1_374))).toStrictEqual([])
    expect(verdictsOf(a.until(1_375))).toStrictEqual(["b 7 down"])
    answersTo(a, 2_000, c)
    expect(verdictsOf(loseLink(a, 2_100, c))).toStrictEqual(["b 7 down"])
  })

  it("about a peer without a link is answered with down or refused", () => {
    const a = linkedTo([b, c])
    loseLink(a, 1_000, c)
    expect(verdictsOf(answersTo(a, 1_100, c))).toStrictEqual(["b 7 down"])
    failDial(a, 1_200, c, true)
    expect(verdictsOf(answersTo(a, 1_300, c))).toStrictEqual(["b 7 refused"])
  })

  it("about a life that has ended is answered with the known record", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, { _tag: "Leave", generation: wall })
    const outputs = answersTo(a, 1_100, c)
    expect(verdictsOf(outputs)).toStrictEqual(["b 7 down"])
    expect(recordsSent(outputs, "c")).toMatchObject([{ status: "left" }])
    a.at(1_200, { _tag: "AnswerWritten", peer: b })
    a.meet(2_000, { ...d, generation: wall + 5 })
    expect(recordsSent(answersTo(a, 2_100, d), "d")).toMatchObject([{ generation: wall + 5 }])
  })

  it("about a life before a life that has ended is answered with down, and with no record", () => {
    const later = { ...c, generation: wall + 1 }
    const a = linkedTo([b, later])
    a.hear(1_000, later, { _tag: "Leave", generation: later.generation })
    const outputs = answersTo(a, 1_100, c)
    expect(verdictsOf(outputs)).toStrictEqual(["b 7 down"])
    expect(recordsSent(outputs, "c")).toStrictEqual([])
  })

  it("about a life that others report as left is answered with unknown", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update({ ...c, status: "left" }))
    for (const generation of [c.generation, c.generation - 1]) {
      expect(verdictsOf(answersTo(a, 1_100, { ...c, generation }))).toStrictEqual(["b 7 unknown"])
    }
  })

  it("about an older life of this node is answered with its record and down", () => {
    const a = linkedTo([b, c])
    const outputs = answersTo(a, 1_000, recordOf("a", { generation: wall - 1 }))
    expect(framesOf(outputs, "Update")).toStrictEqual([{ to: ["b"], frame: update(recordOf("a")) }])
    expect(verdictsOf(outputs)).toStrictEqual(["b 7 down"])
    expect(outputs.map(({ _tag }) => _tag)).toStrictEqual(["Answer", "Send"])
  })

  it("about a disconnected peer is answered with unknown", () => {
    const a = linkedTo([b, c])
    a.at(1_000, { _tag: "Disconnect", name: "c" })
    expect(verdictsOf(answersTo(a, 1_100, c))).toStrictEqual(["b 7 unknown"])
  })

  it("about an unknown life is answered with unknown, about this node with up", () => {
    const a = linkedTo([b, c])
    expect(verdictsOf(answersTo(a, 1_000, d))).toStrictEqual(["b 7 unknown"])
    expect(verdictsOf(answersTo(a, 1_000, { ...c, generation: wall + 1 }))).toStrictEqual(["b 7 unknown"])
    expect(verdictsOf(answersTo(a, 1_000, recordOf("a")))).toStrictEqual(["b 7 up"])
    expect(verdictsOf(answersTo(a, 1_000, recordOf("a", { generation: wall + 1 })))).toStrictEqual(["b 7 unknown"])
  })

  it("beyond the maximum of one peer is answered with unknown, and requests of a lost peer are dropped", () => {
    const a = linkedTo([b, c], { probesPerPeer: 2 })
    expect(verdictsOf([1, 2, 3].flatMap((id) => answersTo(a, 1_000, c, undefined, id)))).toStrictEqual(["b 3 unknown"])
    loseLink(a, 1_100, b)
    expect(a.state().pendingProbes).toStrictEqual([])
  })
})
