/** Probe rounds about a peer that this node does not reach (docs/protocol.md R3). */
import { describe, expect, it } from "@effect/vitest"
import type { Node } from "./support.ts"
import {
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
  answerProbes,
  eventsOf,
  framesOf,
  recordsSent,
  statusInView,
} from "./support.ts"
import { dialTargets } from "./dialTargets.ts"

describe("R3: a lost link", () => {
  it("makes the peer Unreachable without a suspicion, and Reachable when it is back", () => {
    const a = linkedTo([b, c])
    expect(eventsOf(loseLink(a, 1_000, b))).toStrictEqual(["Unreachable b"])
    expect(dialTargets(a.state()).get("b")?.kind).toBe("lost")
    expect(statusInView(a, "b")).toBe("alive")
    expect(eventsOf(a.meet(1_100, b))).toStrictEqual(["Reachable b"])
    expect(a.state().rounds.size).toBe(0)
  })

  it("starts a round with three other members, or five in a large cluster", () => {
    for (const [size, count] of [
      [10, 3],
      [101, 5],
    ] as const) {
      const peers = Array.from({ length: size }, (_, i) => recordOf(`p${i}`))
      const a = linkedTo([b, ...peers])
      const [request, ...more] = framesOf(loseLink(a, 1_000, b), "ProbeRequest")
      expect(more).toStrictEqual([])
      expect(new Set(request?.to).size).toBe(count)
      expect(request?.to).not.toContain("b")
      expect(request?.frame).toMatchObject({ target: "b", generation: wall, deadline: 500 })
    }
  })

  it("causes no suspicion while one of them reaches the peer, however often", () => {
    const a = linkedTo([b, c, d])
    loseLink(a, 1_000, b)
    failDial(a, 1_000, b)
    expect(eventsOf(answerProbes(a, 1_050, b, "down", c))).toStrictEqual([])
    expect(eventsOf(answerProbes(a, 1_060, b, "up", d))).toStrictEqual(["Unreachable b"])
    expect(a.state().view.peers.get("b")).toMatchObject({ status: "alive", link: "indirect" })
    let at = 1_060
    for (const pause of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      expect(framesOf(a.until(at + pause - 1), "ProbeRequest")).toStrictEqual([])
      at += pause
      expect(framesOf(a.until(at), "ProbeRequest")).toHaveLength(1)
      expect(eventsOf(answerProbes(a, at, b, "up", d, c))).toStrictEqual([])
    }
    expect(eventsOf(a.meet(at, b))).toStrictEqual(["Reachable b"])
  })

  it("asks one member at a time if the policy returns less than one, or not a number", () => {
    for (const fanOut of [0, -1, Number.NaN]) {
      const a = linkedTo([b, c, d], { probeFanOut: () => fanOut })
      expect(framesOf(loseLink(a, 1_000, b), "ProbeRequest").map(({ to }) => to.length)).toStrictEqual([1])
    }
  })

  it("asks the member first that last reached the peer", () => {
    const others = Array.from({ length: 12 }, (_, i) => recordOf(`m${i}`))
    const a = linkedTo([b, ...others])
    const m7 = recordOf("m7")
    loseLink(a, 1_000, b)
    failDial(a, 1_000, b)
    while (answerProbes(a, 1_000, b, "up", m7).length === 0)
      answerProbes(a, 1_000, b, "unknown", ...others.filter((each) => each.name !== "m7"))
    for (let round = 0; round < 10; round++) {
      const now = a.state().rounds.get("b")?.until ?? 0
      const [request] = framesOf(a.until(now), "ProbeRequest")
      expect(request?.to).toContain("m7")
      expect(request?.to.length).toBe(3)
      expect(eventsOf(answerProbes(a, now, b, "up", m7))).toStrictEqual([])
    }
    // A member without a link is not asked.
    loseLink(a, 1_000_000, m7)
    expect(framesOf(a.until(1_100_000), "ProbeRequest").every(({ to }) => !to.includes("m7"))).toBe(true)
  })

  it("that did not end by silence causes no suspicion for a link timeout, unless the peer refuses the connection", () => {
    const broken = (node: Node) => node.at(1_000, { _tag: "LinkDown", peer: b, code: undefined, silent: false })
    const patient = linkedTo([b, c])
    broken(patient)
    failDial(patient, 1_000, b)
    for (const at of [1_000, 2_000, 3_000]) {
      expect(framesOf(at === 1_000 ? [] : patient.until(at), "ProbeRequest").length).toBe(Number(at > 1_000))
      expect(eventsOf(answerProbes(patient, at, b, "down", c))).toStrictEqual([])
    }
    patient.until(4_000)
    expect(eventsOf(answerProbes(patient, 4_000, b, "down", c))).toStrictEqual(["Suspected b"])

    const refused = linkedTo([b, c])
    broken(refused)
    failDial(refused, 1_000, b, true)
    expect(eventsOf(answerProbes(refused, 1_000, b, "down", c))).toStrictEqual(["Suspected b"])
  })

  it("restarts the time without contact after each answer up", () => {
    const a = linkedTo([b, c])
    loseLink(a, 1_000, b)
    failDial(a, 1_000, b)
    answerProbes(a, 1_000, b, "up", c)
    a.until(4_500, [c])
    a.until(5_000)
    answerProbes(a, 5_000, b, "up", c)
    expect(eventsOf(a.until(9_000, [c]))).toStrictEqual([])
    expect(eventsOf(a.until(20_000, [c]))).toStrictEqual(["Suspected b"])
  })

  it("causes a suspicion of a peer that no member reaches any more", () => {
    const a = linkedTo([b, c])
    loseLink(a, 1_000, b)
    failDial(a, 1_000, b)
    answerProbes(a, 1_000, b, "up", c)
    a.until(2_000)
    expect(eventsOf(answerProbes(a, 2_050, b, "down", c))).toStrictEqual([])
    // One round every heartbeat until a link timeout has passed.
    expect(framesOf(a.until(4_999, [c]), "ProbeRequest")).toHaveLength(2)
    expect(eventsOf(a.until(5_049, [c]))).toStrictEqual([])
    expect(eventsOf(a.until(5_050, [c]))).toStrictEqual(["Suspected b"])
    expect(a.state().view.peers.get("b")).toMatchObject({ status: "suspect", link: "down" })
  })

  it("waits for its own dial, for probeTimeout, before it accepts the answers of others", () => {
    const a = linkedTo([b, c])
    loseLink(a, 1_000, b)
    expect(eventsOf(answerProbes(a, 1_050, b, "down", c))).toStrictEqual([])
    expect(eventsOf(a.until(1_999))).toStrictEqual([])
    expect(eventsOf(a.until(2_000))).toStrictEqual(["Suspected b"])
  })

  it("without members to ask depends on this node's own dial", () => {
    const a = linkedTo([b])
    loseLink(a, 1_000, b)
    expect(eventsOf(a.until(4_900))).toStrictEqual([])
    expect(eventsOf(failDial(a, 4_900, b, true))).toStrictEqual(["Suspected b"])
    const never = linkedTo([b])
    loseLink(never, 1_000, b)
    // A dial that takes longer than linkTimeout and probeTimeout counts as failed.
    expect(eventsOf(never.until(5_000))).toStrictEqual(["Isolated", "Suspected b"])
  })

  it("without any answer worsens the local health, and further members are asked", () => {
    const peers = Array.from({ length: 4 }, (_, i) => recordOf(`p${i}`))
    const a = linkedTo([b, ...peers])
    const first = framesOf(loseLink(a, 1_000, b), "ProbeRequest")[0]
    failDial(a, 1_000, b)
    const second = framesOf(a.until(2_000), "ProbeRequest")[0]
    expect(a.state().health).toBe(1)
    expect([...(first?.to ?? []), ...(second?.to ?? [])].sort()).toStrictEqual(["p0", "p1", "p2", "p3"])
    expect(eventsOf(a.until(2_999))).toStrictEqual([])
    expect(eventsOf(a.until(3_000))).toStrictEqual(["Suspected b"])
  })

  it("with the answer unknown asks further members", () => {
    const peers = Array.from({ length: 4 }, (_, i) => recordOf(`p${i}`))
    const a = linkedTo([b, ...peers])
    const [first] = framesOf(loseLink(a, 1_000, b), "ProbeRequest")
    failDial(a, 1_000, b)
    const asked = peers.filter(({ name }) => first?.to.includes(name) === true)
    const outputs = answerProbes(a, 1_050, b, "unknown", ...asked)
    expect(framesOf(outputs, "ProbeRequest")).toHaveLength(1)
    expect(eventsOf(outputs)).toStrictEqual([])
  })

  it("asks at least one member, whatever the policy returns", () => {
    for (const count of [0, -1, Number.NaN]) {
      const a = linkedTo([b, c, d], { probeFanOut: () => count, relayFanOut: () => count })
      expect(framesOf(loseLink(a, 1_000, b), "ProbeRequest").flatMap(({ to }) => to)).toHaveLength(1)
    }
  })

  it("of a peer that others suspect is probed at this node's own pace, so that this node joins the suspicion", () => {
    const a = linkedTo([b, c])
    loseLink(a, 1_000, b)
    failDial(a, 1_000, b)
    answerProbes(a, 1_000, b, "up", c)
    expect(eventsOf(a.hear(1_100, c, update(claim(b, "suspect", 0, "c"))))).toStrictEqual(["Suspected b"])
    const outputs = a.until(2_100, [c])
    expect(recordsSent(outputs, "b").map(({ by }) => by)).toContain("a")
    expect(eventsOf(a.until(3_099, [c]))).toStrictEqual([])
    expect(eventsOf(a.until(3_100, [c]))).toStrictEqual(["Failed b"])
  })

  it("ignores answers to another request, answers from another peer, and second answers", () => {
    const a = linkedTo([b, c, d])
    loseLink(a, 1_000, b)
    failDial(a, 1_000, b)
    const id = a.state().lastProbe
    expect(a.hear(1_010, b, { _tag: "ProbeResult", id, verdict: "up" })).toStrictEqual([])
    expect(a.hear(1_020, c, { _tag: "ProbeResult", id: id + 1, verdict: "up" })).toStrictEqual([])
    a.hear(1_030, c, { _tag: "ProbeResult", id, verdict: "down" })
    expect(a.hear(1_040, c, { _tag: "ProbeResult", id, verdict: "up" })).toStrictEqual([])
    expect(statusInView(a, "b")).toBe("alive")
  })

  it("of an asked member ends the wait for its answer", () => {
    const a = linkedTo([b, c, d])
    loseLink(a, 1_000, b)
    failDial(a, 1_000, b)
    answerProbes(a, 1_010, b, "down", d)
    expect(eventsOf(loseLink(a, 1_020, c))).toStrictEqual(["Unreachable c", "Suspected b"])
  })
})

describe("R3: probes about a life that another life follows", () => {
  const second = { ...b, generation: wall + 1 }
  const third = { ...b, generation: wall + 2 }

  it("continue for the first life when the second is accused, replaced or forgotten meanwhile", () => {
    for (const [meanwhile, until] of [
      [update({ ...second, status: "suspect", by: "d" }), 5_000],
      [update(third), 5_000],
      [update(), 60_000],
    ] as const) {
      const a = linkedTo([b, c, d])
      loseLink(a, 1_000, b)
      a.hear(1_000, c, update(second))
      a.until(4_000, [c, d])
      failDial(a, 4_000, b)
      a.hear(4_100, d, meanwhile)
      answerProbes(a, 4_200, b, "up", c)
      // The invariants check that other members are asked. In the end a peer that no member reaches is not alive.
      a.until(until, [c, d])
      expect(a.state().rounds.has("b") || statusInView(a, "b") === undefined || a.state().candidates.has("b")).toBe(
        true,
      )
    }
  })
})
