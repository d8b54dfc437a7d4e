/**
 * What a node does that cannot reach a peer, and what it answers to others who cannot (docs/protocol.md R3).
 */
import { describe, expect, it } from "@effect/vitest"
import type { Output } from "../../src/membership/Draft.ts"
import * as State from "../../src/membership/State.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import type { Node } from "./support.ts"
import {
  addressOf,
  answers,
  as,
  b,
  c,
  d,
  eventsOf,
  framesOf,
  linkedTo,
  lost,
  nodeOf,
  recordOf,
  statusOf,
  toldOf,
  unreached,
  update,
  wall,
} from "./support.ts"

describe("R3: a lost link", () => {
  it("is Unreachable, not suspect, and is Reachable when it is back", () => {
    const a = linkedTo([b, c])
    expect(eventsOf(lost(a, 1_000, b))).toStrictEqual(["Unreachable b"])
    expect(State.dialTargets(a.state()).get("b")?.kind).toBe("lost")
    expect(statusOf(a, "b")).toBe("alive")
    expect(eventsOf(a.meet(1_100, b))).toStrictEqual(["Reachable b"])
    expect(a.state().rounds.size).toBe(0)
  })

  it("makes the node ask three others, or five of many", () => {
    for (const [size, count] of [
      [10, 3],
      [101, 5],
    ] as const) {
      const peers = Array.from({ length: size }, (_, i) => recordOf(`p${i}`))
      const a = linkedTo([b, ...peers])
      const [request, ...more] = framesOf(lost(a, 1_000, b), "ProbeRequest")
      expect(more).toStrictEqual([])
      expect(new Set(request?.to).size).toBe(count)
      expect(request?.to).not.toContain("b")
      expect(request?.frame).toMatchObject({ target: "b", generation: wall, deadline: 500 })
    }
  })

  it("is no reason to suspect whom one of them reaches, however often", () => {
    const a = linkedTo([b, c, d])
    lost(a, 1_000, b)
    unreached(a, 1_000, b)
    expect(eventsOf(answers(a, 1_050, b, "down", c))).toStrictEqual([])
    expect(eventsOf(answers(a, 1_060, b, "up", d))).toStrictEqual(["Unreachable b"])
    expect(a.state().view.peers.get("b")).toMatchObject({ status: "alive", link: "indirect" })
    let at = 1_060
    for (const pause of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      expect(framesOf(a.until(at + pause - 1), "ProbeRequest")).toStrictEqual([])
      at += pause
      expect(framesOf(a.until(at), "ProbeRequest")).toHaveLength(1)
      expect(eventsOf(answers(a, at, b, "up", d, c))).toStrictEqual([])
    }
    expect(eventsOf(a.meet(at, b))).toStrictEqual(["Reachable b"])
  })

  it("makes the node ask one at a time if the policy says none, or no number", () => {
    for (const fanOut of [0, -1, Number.NaN]) {
      const a = linkedTo([b, c, d], { probeFanOut: () => fanOut })
      expect(framesOf(lost(a, 1_000, b), "ProbeRequest").map(({ to }) => to.length)).toStrictEqual([1])
    }
  })

  it("makes the node ask first who reached it the last time", () => {
    const others = Array.from({ length: 12 }, (_, i) => recordOf(`m${i}`))
    const a = linkedTo([b, ...others])
    const m7 = recordOf("m7")
    lost(a, 1_000, b)
    unreached(a, 1_000, b)
    while (answers(a, 1_000, b, "up", m7).length === 0)
      answers(a, 1_000, b, "unknown", ...others.filter((each) => each.name !== "m7"))
    for (let round = 0; round < 10; round++) {
      const now = a.state().rounds.get("b")?.until ?? 0
      const [request] = framesOf(a.until(now), "ProbeRequest")
      expect(request?.to).toContain("m7")
      expect(request?.to.length).toBe(3)
      expect(eventsOf(answers(a, now, b, "up", m7))).toStrictEqual([])
    }
    // Whom it has no link to any more it does not ask.
    lost(a, 1_000_000, m7)
    expect(framesOf(a.until(1_100_000), "ProbeRequest").every(({ to }) => !to.includes("m7"))).toBe(true)
  })

  it("that did not end by silence is borne for as long as a link bears it, unless the peer refuses", () => {
    const broken = (node: Node) => node.at(1_000, { _tag: "LinkDown", peer: b, code: undefined, silent: false })
    const patient = linkedTo([b, c])
    broken(patient)
    unreached(patient, 1_000, b)
    for (const at of [1_000, 2_000, 3_000]) {
      expect(framesOf(at === 1_000 ? [] : patient.until(at), "ProbeRequest").length).toBe(Number(at > 1_000))
      expect(eventsOf(answers(patient, at, b, "down", c))).toStrictEqual([])
    }
    patient.until(4_000)
    expect(eventsOf(answers(patient, 4_000, b, "down", c))).toStrictEqual(["Suspected b"])

    const refused = linkedTo([b, c])
    broken(refused)
    unreached(refused, 1_000, b, true)
    expect(eventsOf(answers(refused, 1_000, b, "down", c))).toStrictEqual(["Suspected b"])
  })

  it("counts the time in which nobody reaches it from the beginning after each up", () => {
    const a = linkedTo([b, c])
    lost(a, 1_000, b)
    unreached(a, 1_000, b)
    answers(a, 1_000, b, "up", c)
    a.until(4_500, [c])
    a.until(5_000)
    answers(a, 5_000, b, "up", c)
    expect(eventsOf(a.until(9_000, [c]))).toStrictEqual([])
    expect(eventsOf(a.until(20_000, [c]))).toStrictEqual(["Suspected b"])
  })

  it("is a reason to suspect whom nobody reaches any more", () => {
    const a = linkedTo([b, c])
    lost(a, 1_000, b)
    unreached(a, 1_000, b)
    answers(a, 1_000, b, "up", c)
    a.until(2_000)
    expect(eventsOf(answers(a, 2_050, b, "down", c))).toStrictEqual([])
    // As long as a link would bear it: asked every heartbeat, and not one time too few.
    expect(framesOf(a.until(4_999, [c]), "ProbeRequest")).toHaveLength(2)
    expect(eventsOf(a.until(5_049, [c]))).toStrictEqual([])
    expect(eventsOf(a.until(5_050, [c]))).toStrictEqual(["Suspected b"])
    expect(a.state().view.peers.get("b")).toMatchObject({ status: "suspect", link: "down" })
  })

  it("waits for its own attempt before it believes the others, for the time of the answers", () => {
    const a = linkedTo([b, c])
    lost(a, 1_000, b)
    expect(eventsOf(answers(a, 1_050, b, "down", c))).toStrictEqual([])
    expect(eventsOf(a.until(1_999))).toStrictEqual([])
    expect(eventsOf(a.until(2_000))).toStrictEqual(["Suspected b"])
  })

  it("with nobody to ask is as bad as this node's own attempt says", () => {
    const a = linkedTo([b])
    lost(a, 1_000, b)
    expect(eventsOf(a.until(4_900))).toStrictEqual([])
    expect(eventsOf(unreached(a, 4_900, b, true))).toStrictEqual(["Suspected b"])
    const never = linkedTo([b])
    lost(never, 1_000, b)
    // A dial that has not ended by then never will.
    expect(eventsOf(never.until(5_000))).toStrictEqual(["Isolated", "Suspected b"])
  })

  it("of which those that were asked say nothing makes the node distrust itself and ask others", () => {
    const peers = Array.from({ length: 4 }, (_, i) => recordOf(`p${i}`))
    const a = linkedTo([b, ...peers])
    const first = framesOf(lost(a, 1_000, b), "ProbeRequest")[0]
    unreached(a, 1_000, b)
    const second = framesOf(a.until(2_000), "ProbeRequest")[0]
    expect(a.state().health).toBe(1)
    expect([...(first?.to ?? []), ...(second?.to ?? [])].sort()).toStrictEqual(["p0", "p1", "p2", "p3"])
    expect(eventsOf(a.until(2_999))).toStrictEqual([])
    expect(eventsOf(a.until(3_000))).toStrictEqual(["Suspected b"])
  })

  it("of somebody who never met the peer says nothing, and others are asked", () => {
    const peers = Array.from({ length: 4 }, (_, i) => recordOf(`p${i}`))
    const a = linkedTo([b, ...peers])
    const [first] = framesOf(lost(a, 1_000, b), "ProbeRequest")
    unreached(a, 1_000, b)
    const asked = peers.filter(({ name }) => first?.to.includes(name) === true)
    const outputs = answers(a, 1_050, b, "unknown", ...asked)
    expect(framesOf(outputs, "ProbeRequest")).toHaveLength(1)
    expect(eventsOf(outputs)).toStrictEqual([])
  })

  it("asks at least one, whatever the policy says", () => {
    for (const count of [0, -1, Number.NaN]) {
      const a = linkedTo([b, c, d], { probeFanOut: () => count, relayFanOut: () => count })
      expect(framesOf(lost(a, 1_000, b), "ProbeRequest").flatMap(({ to }) => to)).toHaveLength(1)
    }
  })

  it("whoever was reached when others began to doubt is asked about in its turn, so that the doubt is shared", () => {
    const a = linkedTo([b, c])
    lost(a, 1_000, b)
    unreached(a, 1_000, b)
    answers(a, 1_000, b, "up", c)
    expect(eventsOf(a.hear(1_100, c, update(as(b, "suspect", 0, "c"))))).toStrictEqual(["Suspected b"])
    const outputs = a.until(2_100, [c])
    expect(toldOf(outputs, "b").map(({ by }) => by)).toContain("a")
    expect(eventsOf(a.until(3_099, [c]))).toStrictEqual([])
    expect(eventsOf(a.until(3_100, [c]))).toStrictEqual(["Failed b"])
  })

  it("answers to another question, from somebody else, or a second time count for nothing", () => {
    const a = linkedTo([b, c, d])
    lost(a, 1_000, b)
    unreached(a, 1_000, b)
    const id = a.state().lastProbe
    expect(a.hear(1_010, b, { _tag: "ProbeResult", id, verdict: "up" })).toStrictEqual([])
    expect(a.hear(1_020, c, { _tag: "ProbeResult", id: id + 1, verdict: "up" })).toStrictEqual([])
    a.hear(1_030, c, { _tag: "ProbeResult", id, verdict: "down" })
    expect(a.hear(1_040, c, { _tag: "ProbeResult", id, verdict: "up" })).toStrictEqual([])
    expect(statusOf(a, "b")).toBe("alive")
  })

  it("of somebody who was asked ends the waiting for its answer", () => {
    const a = linkedTo([b, c, d])
    lost(a, 1_000, b)
    unreached(a, 1_000, b)
    answers(a, 1_010, b, "down", d)
    expect(eventsOf(lost(a, 1_020, c))).toStrictEqual(["Unreachable c", "Suspected b"])
  })

  it("of an older life says nothing about this one", () => {
    const a = linkedTo([b])
    expect(eventsOf(lost(a, 1_000, { ...b, generation: b.generation - 1 }))).toStrictEqual([])
    expect(a.state().members.get("b")?.link).toBe("up")
  })

  it("the address that last worked is dialled first", () => {
    const a = nodeOf("a")
    a.meet(0, b, { address: addressOf("elsewhere") })
    lost(a, 1_000, b)
    expect(State.dialTargets(a.state()).get("b")?.addresses).toStrictEqual([addressOf("elsewhere"), addressOf("b")])
  })
})

describe("R3: asking about a life that is followed by another", () => {
  const second = { ...b, generation: wall + 1 }
  const third = { ...b, generation: wall + 2 }

  it("goes on for the first when the second is accused, replaced or forgotten meanwhile", () => {
    for (const [meanwhile, until] of [
      [update({ ...second, status: "suspect", by: "d" }), 5_000],
      [update(third), 5_000],
      [update(), 60_000],
    ] as const) {
      const a = linkedTo([b, c, d])
      lost(a, 1_000, b)
      a.hear(1_000, c, update(second))
      a.until(4_000, [c, d])
      unreached(a, 4_000, b)
      a.hear(4_100, d, meanwhile)
      answers(a, 4_200, b, "up", c)
      // The invariants see that somebody is asked; in the end nobody is held for alive whom nobody reaches.
      a.until(until, [c, d])
      expect(a.state().rounds.has("b") || statusOf(a, "b") === undefined || a.state().candidates.has("b")).toBe(true)
    }
  })
})

describe("R3: being asked", () => {
  const request = (id: number, target: PeerRecord) =>
    ({ _tag: "ProbeRequest", id, target: target.name, generation: target.generation, deadline: 500 }) as const
  const asked = (node: Node, now: number, target: PeerRecord, heardAgo?: number, id = 7) =>
    node.at(now, { _tag: "Received", from: b, frame: request(id, target), heardAgo })
  const verdictsOf = (outputs: ReadonlyArray<Output>) =>
    framesOf(outputs, "ProbeResult").map(({ frame, to }) => `${to.join()} ${frame.id} ${frame.verdict}`)

  it("about a peer that was just heard it says up at once", () => {
    const a = linkedTo([b, c])
    expect(verdictsOf(asked(a, 1_000, c, 999))).toStrictEqual(["b 7 up"])
  })

  it("about one that was not it makes the peer say something, and then says up", () => {
    const a = linkedTo([b, c])
    const outputs = asked(a, 1_000, c, 1_000)
    expect(verdictsOf(outputs)).toStrictEqual([])
    expect(outputs).toMatchObject([{ _tag: "PingNow", peer: { name: "c", generation: wall } }])
    expect(verdictsOf(a.at(1_300, { _tag: "Heard", peer: c }))).toStrictEqual(["b 7 up"])
    expect(verdictsOf(a.at(1_400, { _tag: "Heard", peer: c }))).toStrictEqual([])
  })

  it("says down when nothing came in time, or the link is lost meanwhile", () => {
    const a = linkedTo([b, c])
    asked(a, 1_000, c)
    expect(verdictsOf(a.until(1_499))).toStrictEqual([])
    expect(verdictsOf(a.until(1_500))).toStrictEqual(["b 7 down"])
    asked(a, 2_000, c)
    expect(verdictsOf(lost(a, 2_100, c))).toStrictEqual(["b 7 down"])
  })

  it("about one that it does not reach it says so, and whether it was refused", () => {
    const a = linkedTo([b, c])
    lost(a, 1_000, c)
    expect(verdictsOf(asked(a, 1_100, c))).toStrictEqual(["b 7 down"])
    unreached(a, 1_200, c, true)
    expect(verdictsOf(asked(a, 1_300, c))).toStrictEqual(["b 7 refused"])
  })

  it("about a life that is over it tells what it knows", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, { _tag: "Leave", generation: wall })
    const outputs = asked(a, 1_100, c)
    expect(verdictsOf(outputs)).toStrictEqual(["b 7 down"])
    expect(toldOf(outputs, "c")).toMatchObject([{ status: "left" }])
    a.meet(2_000, { ...d, generation: wall + 5 })
    expect(toldOf(asked(a, 2_100, d), "d")).toMatchObject([{ generation: wall + 5 }])
  })

  it("about one that it parted from it says unknown, for it does not try", () => {
    const a = linkedTo([b, c])
    a.at(1_000, { _tag: "Disconnect", name: "c" })
    expect(verdictsOf(asked(a, 1_100, c))).toStrictEqual(["b 7 unknown"])
  })

  it("about a life that it never met it says unknown, and about itself up", () => {
    const a = linkedTo([b, c])
    expect(verdictsOf(asked(a, 1_000, d))).toStrictEqual(["b 7 unknown"])
    expect(verdictsOf(asked(a, 1_000, { ...c, generation: wall + 1 }))).toStrictEqual(["b 7 unknown"])
    expect(verdictsOf(asked(a, 1_000, recordOf("a")))).toStrictEqual(["b 7 up"])
    expect(verdictsOf(asked(a, 1_000, recordOf("a", { generation: wall + 1 })))).toStrictEqual(["b 7 unknown"])
  })

  it("it remembers no more questions of one peer than the bound, and none of a peer that is gone", () => {
    const a = linkedTo([b, c], { probesPerPeer: 2 })
    expect(verdictsOf([1, 2, 3].flatMap((id) => asked(a, 1_000, c, undefined, id)))).toStrictEqual(["b 3 unknown"])
    lost(a, 1_100, b)
    expect(a.state().pendingProbes).toStrictEqual([])
  })
})
