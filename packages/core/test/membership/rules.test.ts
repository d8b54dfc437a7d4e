import { describe, expect, it } from "@effect/vitest"
import type { Key, PeerRecord, Status } from "../../src/PeerRecord.ts"
import * as PeerRecords from "../../src/PeerRecord.ts"
import type { Verdict } from "../../src/Frame.ts"
import type { Output } from "../../src/membership/Draft.ts"
import * as Settings from "../../src/membership/Settings.ts"
import * as States from "../../src/membership/State.ts"
import * as Suspicion from "../../src/membership/suspicion.ts"
import type { Node } from "./support.ts"
import { addressOf, bodyOf, eventsOf, framesOf, nodeOf, recordOf, toldOf, wall } from "./support.ts"

const b = recordOf("b")
const c = recordOf("c")
const d = recordOf("d")
const e = recordOf("e")

const as = (record: PeerRecord, status: Status, incarnation = record.incarnation, by?: string): PeerRecord => ({
  ...record,
  status,
  incarnation,
  ...(by === undefined ? {} : { by }),
})

const update = (...records: ReadonlyArray<PeerRecord>) => ({ _tag: "Update", records }) as const

const lost = (node: Node, now: number, peer: PeerRecord) =>
  node.at(now, { _tag: "LinkDown", peer: { name: peer.name, generation: peer.generation }, code: undefined })

const unreached = (node: Node, now: number, peer: PeerRecord, refused = false) =>
  node.at(now, { _tag: "DialFailed", name: peer.name, refused })

/** What those who are asked about a peer say now, all of them the same. */
const answers = (node: Node, now: number, peer: PeerRecord, verdict: Verdict, ...others: ReadonlyArray<PeerRecord>) =>
  others.flatMap((from) => {
    const round = node.state().rounds.get(peer.name)
    if (round?._tag !== "Asking" || !round.waiting.has(from.name)) return []
    return node.hear(now, from, { _tag: "ProbeResult", id: round.id, verdict })
  })

/** The link to a peer is lost, it cannot be dialled, and the others do not reach it either. */
const gone = (node: Node, now: number, peer: PeerRecord, ...others: ReadonlyArray<PeerRecord>) => [
  ...lost(node, now, peer),
  ...unreached(node, now, peer),
  ...answers(node, now, peer, "down", ...others),
]

const statusOf = (node: Node, name: string) => node.state().view.peers.get(name)?.status

const closedOf = (outputs: ReadonlyArray<Output>) =>
  outputs.flatMap((output) => (output._tag === "CloseLink" ? [`${output.code} ${output.peer.name}`] : []))

const stoppedOf = (outputs: ReadonlyArray<Output>) =>
  outputs.flatMap((output) => (output._tag === "Stopped" ? [output.reason] : []))

/** The node a that has links to these. */
const linkedTo = (peers: ReadonlyArray<PeerRecord>, settings: Partial<Settings.Settings> = {}): Node => {
  const node = nodeOf("a", settings)
  for (const peer of peers) {
    node.meet(0, peer)
    // What it asked for at the start is answered, by nothing.
    node.hear(0, peer, { _tag: "SyncDelta", records: [], want: [] })
  }
  node.until(100)
  return node
}

describe("R1: hearsay", () => {
  it("makes a candidate that is dialled, relayed, in no view and in no view hash", () => {
    const a = linkedTo([b])
    const before = a.state().viewHash
    const outputs = [...a.hear(1_000, b, update(c)), ...a.until(1_100)]
    expect(eventsOf(outputs)).toStrictEqual([])
    expect(toldOf(outputs, "c")).toHaveLength(1)
    expect(a.state().view.peers.has("c")).toBe(false)
    expect(a.state().viewHash).toBe(before)
    expect(States.wishes(a.state()).get("c")).toStrictEqual({
      name: "c",
      generation: c.generation,
      addresses: [addressOf("c")],
      kind: "candidate",
    })
  })

  it("is forgotten after the time for candidates, and news do not prolong it", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    a.hear(20_000, b, update(as(c, "alive", 1)))
    a.until(30_999)
    expect(a.state().candidates.has("c")).toBe(true)
    a.until(31_000)
    expect(a.state().candidates.has("c")).toBe(false)
    expect(States.wishes(a.state()).size).toBe(0)
  })

  it("begins anew with a newer life", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    a.hear(20_000, b, update({ ...c, generation: c.generation + 1 }))
    a.until(49_999)
    expect(a.state().candidates.has("c")).toBe(true)
    a.until(50_000)
    expect(a.state().candidates.has("c")).toBe(false)
  })

  it("from a link that is no member's counts for nothing", () => {
    const a = linkedTo([b])
    a.hear(1_000, c, update(d))
    a.hear(1_000, { ...b, generation: b.generation - 1 }, update(d))
    expect(a.state().candidates.size).toBe(0)
  })

  it("beyond the bound of members is refused with a Diagnostic", () => {
    const a = linkedTo([b], { maxMembers: 2 })
    expect(eventsOf(a.hear(1_000, b, update(c, d)))).toStrictEqual(["Diagnostic"])
    expect([...a.state().candidates.keys()]).toStrictEqual(["c"])
  })
})

describe("R2: a handshake makes a member", () => {
  it("a stranger joins, and everybody is told", () => {
    const a = linkedTo([b])
    const outputs = [...a.meet(1_500, c, { address: addressOf("c") }), ...a.until(1_600)]
    expect(eventsOf(outputs)).toStrictEqual(["Joined c"])
    expect(framesOf(outputs, "Update")).toStrictEqual([{ to: ["b", "c"], frame: update(c) }])
  })

  it("a candidate joins, and nobody is told what was relayed before", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    a.until(1_100)
    const outputs = [...a.meet(1_500, c, { address: addressOf("c") }), ...a.until(1_600)]
    expect(eventsOf(outputs)).toStrictEqual(["Joined c"])
    expect(framesOf(outputs, "Update")).toStrictEqual([])
    expect(a.state().candidates.size).toBe(0)
  })

  it("so does the word of a member that has a link, to a candidate that cannot be dialled", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    expect(framesOf(unreached(a, 3_999, c), "ProbeRequest")).toStrictEqual([])
    expect(framesOf(unreached(a, 4_000, c), "ProbeRequest")).toMatchObject([{ to: ["b"], frame: { target: "c" } }])
    expect(eventsOf(answers(a, 4_100, c, "up", b))).toStrictEqual(["Joined c"])
    expect(a.state().view.peers.get("c")).toMatchObject({ status: "alive", link: "indirect" })
    expect(States.wishes(a.state()).get("c")?.kind).toBe("lost")
    expect(eventsOf(a.meet(5_000, c))).toStrictEqual(["Reachable c"])
  })

  it("about whom only hearsay knows a few are asked each time, and about few at once", () => {
    const others = Array.from({ length: 12 }, (_, i) => recordOf(`m${i}`))
    const ghosts = Array.from({ length: 200 }, (_, i) => recordOf(`ghost${i}`))
    const a = linkedTo(others)
    a.hear(1_000, recordOf("m0"), update(...ghosts))
    const asked = ghosts.flatMap((ghost) => [
      ...unreached(a, 5_000, ghost),
      ...answers(a, 5_000, ghost, "unknown", ...others),
    ])
    const requests = framesOf(asked, "ProbeRequest")
    expect(requests.length).toBe(a.state().settings.probesPerPeer)
    expect(requests.every(({ to }) => to.length === 3)).toBe(true)
    a.until(40_000)
    expect(a.state().rounds.size).toBe(0)
  })

  it("but not of an accused candidate, nor if nobody reaches it", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c, as(d, "suspect", 0, "b")))
    unreached(a, 4_000, c)
    unreached(a, 4_000, d)
    expect(a.state().rounds.size).toBe(2)
    expect(eventsOf([...answers(a, 4_100, c, "down", b), ...answers(a, 4_100, d, "up", b)])).toStrictEqual([])
    expect(a.state().candidates.size).toBe(2)
    // They are asked about again with growing pauses, however often they are dialled.
    expect(
      framesOf(
        [5_000, 5_001, 5_099].flatMap((at) => unreached(a, at, c)),
        "ProbeRequest",
      ),
    ).toStrictEqual([])
    expect(framesOf(a.until(5_100), "ProbeRequest").map(({ frame }) => frame.target)).toStrictEqual(["c", "d"])
    expect(framesOf(a.until(30_000, [b]), "ProbeRequest").length).toBeLessThan(10)
    a.until(31_100)
    expect(a.state().rounds.size).toBe(0)
  })

  it("a newer life that only others reach replaces the older", () => {
    const a = linkedTo([b, c])
    lost(a, 1_000, c)
    a.hear(1_000, b, update({ ...c, generation: wall + 1 }))
    expect(eventsOf(a.until(4_000, [b]))).toStrictEqual(["Suspected c"])
    unreached(a, 4_000, c)
    expect(eventsOf(answers(a, 4_100, c, "up", b))).toStrictEqual(["Replaced c"])
    expect(a.state().view.peers.get("c")).toMatchObject({ generation: wall + 1, link: "indirect" })
  })

  it("a newer life that only others reach is remembered no more as one that left", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, { _tag: "Leave", generation: wall })
    a.hear(2_000, b, update({ ...c, generation: wall + 1 }))
    unreached(a, 6_000, c)
    expect(eventsOf(answers(a, 6_100, c, "up", b))).toStrictEqual(["Joined c"])
    expect(a.state().tombstones.size).toBe(0)
  })

  it("an answer about a newer life that is known no more does not end the asking about the older", () => {
    for (const verdict of ["up", "down"] as const) {
      const a = linkedTo([b, c])
      gone(a, 1_000, c, b)
      a.hear(1_000, b, update({ ...c, generation: wall + 1 }))
      unreached(a, 4_000, c)
      const round = a.state().rounds.get("c")
      if (round?._tag !== "Asking") throw new Error("nobody is asked")
      a.hear(4_100, b, update({ ...c, generation: wall + 2 }))
      a.hear(4_200, b, { _tag: "ProbeResult", id: round.id, verdict })
      expect(a.state().rounds.get("c")).toMatchObject({ _tag: "Asking", generation: wall + 2 })
      expect(eventsOf(a.until(60_000, [b]))).toStrictEqual(["Failed c"])
    }
  })

  it("what was said of it while the handshake ran still holds", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    a.hear(1_100, b, update(as(c, "failed", 3, "b")))
    const outputs = a.meet(1_200, c)
    expect(eventsOf(outputs)).toStrictEqual(["Joined c"])
    expect(framesOf(outputs, "YouAre")).toMatchObject([{ to: ["c"], frame: { incarnation: 3, status: "failed" } }])
    expect(a.state().members.get("c")?.record).toMatchObject({ incarnation: 3, status: "failed" })
    expect(statusOf(a, "c")).toBe("alive")
    expect(eventsOf(a.hear(1_300, c, update(as(c, "alive", 4))))).toStrictEqual([])
    expect(a.state().members.get("c")?.suspicion).toBeUndefined()
  })

  it("hearsay makes room for whom the node meets", () => {
    const a = linkedTo([b], { maxMembers: 2 })
    a.hear(1_000, b, update(c))
    expect(eventsOf(a.meet(2_000, d))).toStrictEqual(["Joined d"])
    expect(a.state().candidates.size).toBe(0)
  })

  it("the longest failed makes room for whom the node meets", () => {
    const a = linkedTo([b, c], { maxMembers: 2, suspicionMax: 2_000 })
    gone(a, 1_000, b, c)
    gone(a, 2_000, c)
    expect(eventsOf(a.until(10_000))).toStrictEqual(["Failed b", "Failed c", "PartitionSuspected"])
    expect(eventsOf(a.meet(11_000, d))).toStrictEqual(["Reconnected", "Joined d", "PartitionHealed"])
    expect([...a.state().members.keys()]).toStrictEqual(["c", "d"])
    expect(a.state().tombstones.get("b")).toMatchObject({ status: "failed" })
  })

  it("where every place is taken a stranger is refused, and a known member is not", () => {
    const a = linkedTo([b, c], { maxMembers: 2 })
    const outputs = a.meet(1_000, d)
    expect(eventsOf(outputs)).toStrictEqual(["Diagnostic"])
    expect(closedOf(outputs)).toStrictEqual(["parted d"])
    lost(a, 2_000, b)
    expect(eventsOf(a.meet(3_000, b))).toStrictEqual(["Reachable b"])
    expect(eventsOf(a.meet(3_000, { ...c, generation: c.generation + 1 }))).toStrictEqual(["Replaced c"])
  })
})

describe("R3: a lost link", () => {
  it("is Unreachable, not suspect, and is Reachable when it is back", () => {
    const a = linkedTo([b, c])
    expect(eventsOf(lost(a, 1_000, b))).toStrictEqual(["Unreachable b"])
    expect(States.wishes(a.state()).get("b")?.kind).toBe("lost")
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

  it("is a reason to suspect whom nobody reaches any more", () => {
    const a = linkedTo([b, c])
    lost(a, 1_000, b)
    unreached(a, 1_000, b)
    answers(a, 1_000, b, "up", c)
    a.until(2_000)
    expect(eventsOf(answers(a, 2_050, b, "down", c))).toStrictEqual(["Suspected b"])
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
    expect(States.wishes(a.state()).get("b")?.addresses).toStrictEqual([addressOf("elsewhere"), addressOf("b")])
  })
})

describe("R4: suspicion", () => {
  it("a member that nobody reaches is suspect, and others are told by whom", () => {
    const a = linkedTo([b, c])
    const outputs = [...gone(a, 1_000, b, c), ...a.until(1_200)]
    expect(eventsOf(outputs)).toStrictEqual(["Unreachable b", "Suspected b"])
    expect(framesOf(outputs, "Update")).toMatchObject([
      { to: ["c"], frame: { records: [{ name: "b", status: "suspect", by: "a" }] } },
    ])
    expect(toldOf(outputs, "b")[0]).not.toHaveProperty("refused")
  })

  it("says so if a connection was refused", () => {
    const a = linkedTo([b, c])
    lost(a, 1_000, b)
    unreached(a, 1_000, b, true)
    const outputs = [...answers(a, 1_000, b, "refused", c), ...a.until(1_200)]
    expect(toldOf(outputs, "b")).toMatchObject([{ status: "suspect", by: "a", refused: true }])
  })

  it("of two accusers in one moment others are told both", () => {
    const peers = Array.from({ length: 4 }, (_, i) => recordOf(`p${i}`))
    const a = linkedTo([b, ...peers])
    const [first] = peers
    if (first === undefined) throw new Error("four peers are some")
    gone(a, 1_000, b, ...peers)
    a.hear(1_005, first, update(as(b, "suspect", 0, "p0")))
    expect(toldOf(a.until(1_100), "b").map(({ by }) => by)).toStrictEqual(["a", "p0"])
  })

  it("many that lose a peer at once tell some each, and not everybody", () => {
    const peers = Array.from({ length: 60 }, (_, i) => recordOf(`p${i}`))
    const a = linkedTo([b, ...peers])
    const [updates, ...more] = framesOf([...gone(a, 1_000, b, ...peers), ...a.until(1_200)], "Update")
    expect(more).toStrictEqual([])
    expect(updates?.to).toHaveLength(6)
  })

  it("a further failure to reach it says nothing new", () => {
    const a = linkedTo([b, c])
    gone(a, 1_000, b, c)
    a.until(1_200)
    const since = a.state().members.get("b")?.suspicion
    expect([...unreached(a, 1_300, b), ...a.until(1_400)]).toStrictEqual([])
    expect(a.state().members.get("b")?.suspicion).toStrictEqual(since)
  })

  it("whose link comes and is lost again before the refutation is suspect again", () => {
    const a = linkedTo([b, c])
    expect(eventsOf(gone(a, 1_000, b, c))).toStrictEqual(["Unreachable b", "Suspected b"])
    expect(eventsOf(a.meet(2_000, b))).toStrictEqual(["Reachable b", "Recovered b"])
    expect(eventsOf(gone(a, 2_100, b, c))).toStrictEqual(["Unreachable b", "Suspected b"])
  })

  it("there is none of a member with a link, of a candidate, or of nobody", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    for (const peer of [b, c, d]) expect(eventsOf(unreached(a, 1_100, peer))).toStrictEqual([])
  })

  it("it ends when others hear of the peer, who is then left alone for a while", () => {
    const a = linkedTo([b, c])
    gone(a, 1_000, b, c)
    expect(eventsOf(a.hear(2_000, c, update(as(b, "alive", 1))))).toStrictEqual(["Recovered b"])
    expect(a.state().view.peers.get("b")?.link).toBe("indirect")
    expect(eventsOf(unreached(a, 2_999, b))).toStrictEqual([])
    expect(eventsOf(a.until(2_999, [c]))).toStrictEqual([])
    expect(eventsOf(a.until(3_000, [c]))).toStrictEqual(["Suspected b"])
  })
})

describe("R5: the verdict", () => {
  it.each([
    [2, 1, 2_000],
    [2, 2, 2_000],
    [3, 1, 12_000],
    [3, 2, 2_000],
    [4, 1, 12_000],
    [4, 2, 12_000 - 10_000 * (Math.log(2) / Math.log(3))],
    [4, 3, 2_000],
    [5, 1, 12_000],
    [5, 2, 7_000],
    [5, 4, 2_000],
    [300, 2, 7_000],
    [300, 4, 2_000],
    [300, 99, 2_000],
  ])("in a cluster of %i with %i accusers it comes after %f ms", (size, accusers, millis) => {
    expect(timeout({ size }, accusers)).toBeCloseTo(millis, 6)
  })

  const timeout = (circumstances: Partial<Suspicion.Circumstances>, accusers: number, refused = 0) =>
    Suspicion.timeout(
      { settings: Settings.defaults, size: 10, health: 0, isolated: false, ...circumstances },
      new Map(Array.from({ length: accusers }, (_, i) => [`p${i}`, i < refused])),
    )

  it("two accusers that saw a connection refused halve the shortest time, and one does not", () => {
    expect(timeout({}, 4, 1)).toBe(2_000)
    expect(timeout({}, 4, 2)).toBe(1_000)
    expect(timeout({}, 4, 4)).toBe(1_000)
    expect(timeout({}, 1, 1)).toBe(12_000)
  })

  it("the refusals that others saw count, and this node's own, but not in another's name", () => {
    const a = linkedTo([b, c, d, e])
    gone(a, 1_000, b, c, d, e)
    for (const [by, saw] of [
      [e, false],
      [c, true],
      [d, true],
    ] as const) {
      a.hear(1_500, by, update({ ...as(b, "suspect", 0, by.name), ...(saw ? { refused: true } : {}) }))
    }
    // Two of the four were refused: half of two seconds.
    expect(eventsOf(a.until(1_999, [c, d, e]))).toStrictEqual([])
    const outputs = a.until(2_020, [c, d, e])
    expect(eventsOf(outputs)).toStrictEqual(["Failed b"])
    expect(toldOf(outputs, "b").filter(({ by }) => by === "a")[0]).not.toHaveProperty("refused")
  })

  it("a stall never makes a suspicion shorter", () => {
    const a = linkedTo([b, c, d, e])
    gone(a, 1_000, b, c, d, e)
    a.at(1_100, { _tag: "Tick", stalled: true })
    // It had twelve seconds left, and keeps them.
    expect(eventsOf(a.until(12_999, [c, d, e]))).toStrictEqual([])
    expect(eventsOf(a.until(13_000, [c, d, e]))).toStrictEqual(["Failed b"])
    const held = linkedTo([b, c])
    held.hear(1_000, c, update(as(b, "suspect", 0, "c")))
    held.at(2_900, { _tag: "Tick", stalled: true })
    // The refutation may be here and not read yet: it has two seconds again, and one more than that for the distrust.
    expect(eventsOf(held.until(4_899))).toStrictEqual([])
    expect(eventsOf(held.until(4_900))).toStrictEqual(["Suspected b"])
  })

  it("whom a stall of this node kept from answering has its time again", () => {
    const a = linkedTo([b, c])
    lost(a, 1_000, b)
    unreached(a, 1_000, b)
    a.at(5_000, { _tag: "Tick", stalled: true })
    expect(statusOf(a, "b")).toBe("alive")
    expect(eventsOf(a.until(5_999))).toStrictEqual([])
    expect(eventsOf(answers(a, 5_999, b, "up", c))).toStrictEqual(["Unreachable b"])
  })

  it("a node that distrusts itself waits longer, up to the longest time", () => {
    expect(timeout({ health: 1 }, 4)).toBe(4_000)
    expect(timeout({ health: 7 }, 4)).toBe(12_000)
    expect(timeout({ health: 1 }, 1)).toBe(12_000)
  })

  it("a node without links waits as long as it may, unless there is but one other", () => {
    expect(timeout({ isolated: true }, 4, 4)).toBe(12_000)
    expect(timeout({ isolated: true, size: 2 }, 1)).toBe(2_000)
  })

  it("without anybody to confirm it comes after the shortest time", () => {
    const a = linkedTo([b])
    gone(a, 1_000, b)
    expect(eventsOf(a.until(2_999))).toStrictEqual([])
    expect(eventsOf(a.until(3_000))).toStrictEqual(["Failed b"])
    expect(a.state().view.peers.size).toBe(0)
  })

  it("nobody confirms, and it comes after the longest time, and is told", () => {
    const a = linkedTo([b, c, d])
    gone(a, 1_000, b, c, d)
    expect(eventsOf(a.until(12_999, [c, d]))).toStrictEqual([])
    const outputs = a.until(13_100, [c, d])
    expect(eventsOf(outputs)).toStrictEqual(["Failed b"])
    expect(toldOf(outputs, "b")).toMatchObject([{ status: "failed", by: "a" }])
  })

  it("each further accuser shortens the time that runs, and each counts once", () => {
    const a = linkedTo([b, c, d, e])
    gone(a, 1_000, b, c, d, e)
    const due = () => {
      const suspicion = a.state().members.get("b")?.suspicion
      return suspicion === undefined ? undefined : States.suspicionDeadline(a.state(), suspicion)
    }
    expect(due()).toBe(13_000)
    a.hear(1_500, c, update(as(b, "suspect", 0, "c")))
    expect(due()).toBeCloseTo(13_000 - (10_000 * Math.log(2)) / Math.log(4), 6)
    a.hear(1_600, d, update(as(b, "suspect", 0, "c")))
    expect(due()).toBeCloseTo(13_000 - (10_000 * Math.log(2)) / Math.log(4), 6)
    // Without a name it is the sender who accuses.
    a.hear(1_700, d, update(as(b, "suspect", 0)))
    a.hear(1_800, e, update(as(b, "suspect", 0, "e")))
    expect(due()).toBe(3_000)
    expect(eventsOf(a.until(3_000, [c, d, e]))).toStrictEqual(["Failed b"])
  })

  it("more accusers than shorten it are neither kept nor relayed", () => {
    const peers = Array.from({ length: 20 }, (_, i) => recordOf(`p${i}`))
    const a = linkedTo([b, ...peers])
    gone(a, 1_000, b, ...peers)
    a.until(1_100)
    const outputs = peers.flatMap((peer) => [
      ...a.hear(1_200, peer, update(as(b, "suspect", 0, peer.name))),
      ...a.until(1_300),
    ])
    expect(a.state().members.get("b")?.suspicion?.accusers.size).toBe(4)
    expect(toldOf(outputs, "b").map(({ by }) => by)).toStrictEqual(["p0", "p1", "p2"])
  })

  it("a new incarnation begins a new suspicion", () => {
    const a = linkedTo([b, c, d])
    gone(a, 1_000, b, c, d)
    a.hear(9_000, c, update(as(b, "suspect", 1, "c")))
    // This node asks again, and shares it.
    const due = 9_000 + 12_000 - 10_000 * (Math.log(2) / Math.log(3))
    expect(eventsOf(a.until(due - 1, [c, d]))).toStrictEqual([])
    expect(eventsOf(a.until(due, [c, d]))).toStrictEqual(["Failed b"])
  })

  it("there is none over whom somebody reaches at the end; the suspicion begins anew", () => {
    const a = linkedTo([b, c])
    gone(a, 1_000, b, c)
    const requests = framesOf(a.until(13_000), "ProbeRequest")
    expect(requests).toHaveLength(1)
    expect(eventsOf(answers(a, 13_100, b, "up", c))).toStrictEqual(["Unreachable b"])
    expect(a.state().view.peers.get("b")).toMatchObject({ status: "suspect", link: "indirect" })
    expect(eventsOf(a.until(25_099, [c]))).toStrictEqual([])
    expect(eventsOf(a.until(25_100, [c]))).toStrictEqual(["Unreachable b", "Failed b"])
  })

  it("there is none at once by a node that stood still", () => {
    const a = linkedTo([b, c])
    gone(a, 1_000, b, c)
    a.at(20_000, { _tag: "Tick", stalled: true })
    expect(a.state().health).toBe(1)
    expect(statusOf(a, "b")).toBe("suspect")
    expect(eventsOf(a.until(21_999, [c]))).toStrictEqual([])
  })
})

describe("R6: an accusation by others", () => {
  it("of a member without a link starts this node's own timer", () => {
    const a = linkedTo([b, c, d])
    lost(a, 1_000, b)
    answers(a, 1_000, b, "up", d)
    const outputs = [...a.hear(1_500, c, update(as(b, "failed", 0, "c"))), ...a.until(1_600)]
    expect(eventsOf(outputs)).toStrictEqual(["Suspected b"])
    expect(toldOf(outputs, "b")).toMatchObject([{ status: "failed", by: "c" }])
    unreached(a, 1_700, b)
    expect(eventsOf(a.until(1_999, [c, d]))).toStrictEqual([])
    // One of them had reached it. It asks again in its turn, and shares the doubt now.
    expect(eventsOf(a.until(2_000, [c, d]))).toStrictEqual(["Unreachable b"])
    // With b failed they are three, and two accusers are all.
    expect(eventsOf(a.until(3_499, [c, d]))).toStrictEqual([])
    expect(eventsOf(a.until(3_500, [c, d]))).toStrictEqual(["Failed b"])
  })

  it("of a member with a link is told to it, relayed, and held back", () => {
    const a = linkedTo([b, c])
    const outputs = [...a.hear(1_000, c, update(as(b, "suspect", 0, "c"))), ...a.until(1_900)]
    expect(eventsOf(outputs)).toStrictEqual([])
    expect(framesOf(outputs, "YouAre")).toMatchObject([{ to: ["b"], frame: { incarnation: 0, status: "suspect" } }])
    expect(toldOf(outputs, "b")).toMatchObject([{ status: "suspect", by: "c" }])
    expect(statusOf(a, "b")).toBe("alive")
  })

  it("in many editions at once is told to it and relayed in the newest, and a life that left is not forgotten over them", () => {
    const a = linkedTo([b, c, d])
    const accusations = Array.from({ length: 100 }, (_, i) => as(c, "suspect", i, `x${i}`))
    const outputs = [...a.hear(1_000, b, update(...accusations)), ...a.until(1_020)]
    expect(framesOf(outputs, "YouAre")).toMatchObject([{ to: ["c"], frame: { incarnation: 99, status: "suspect" } }])
    expect(toldOf(outputs, "c")).toMatchObject([{ incarnation: 99, by: "x99" }])
    a.hear(2_000, b, update(as(c, "suspect", 200, "b"), as(c, "left", 3)))
    expect(toldOf(a.until(2_020), "c")).toContainEqual(expect.objectContaining({ status: "left" }))
  })

  it("that is refuted in time the application never hears of", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, update(as(b, "suspect", 0, "c")))
    expect(eventsOf(a.hear(2_999, b, update(as(b, "alive", 1))))).toStrictEqual([])
    expect(eventsOf(a.until(60_000))).toStrictEqual([])
  })

  it("that is not refuted is shown after the grace, but never ends in a verdict while the link lives", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, update(as(b, "failed", 0, "c")))
    expect(eventsOf(a.until(2_999))).toStrictEqual([])
    expect(eventsOf(a.until(3_000))).toStrictEqual(["Suspected b"])
    const outputs = a.until(60_000)
    expect(eventsOf(outputs)).toStrictEqual([])
    expect(framesOf(outputs, "YouAre").length).toBeGreaterThan(1)
  })

  it("that is held is shown when the link is lost, and then ends in a verdict", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, update(as(b, "suspect", 0, "c")))
    expect(eventsOf(lost(a, 1_500, b))).toStrictEqual(["Suspected b", "Unreachable b"])
    expect(eventsOf(a.until(60_000))).toStrictEqual(["Failed b"])
  })

  it("that is older than what is known changes nothing", () => {
    const a = linkedTo([as(b, "alive", 2), c])
    const before = a.state()
    expect(a.hear(1_000, c, update(as(b, "suspect", 1, "c")))).toStrictEqual([])
    expect(a.state().members).toBe(before.members)
  })

  it("of an unknown name is kept and told to it in the handshake", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(as(c, "failed", 4, "b")))
    expect(States.belief(a.state(), "c", c.generation)).toStrictEqual({
      generation: c.generation,
      incarnation: 4,
      status: "failed",
    })
    expect(States.belief(a.state(), "c", c.generation + 1)).toBeUndefined()
    expect(eventsOf(a.meet(1_100, as(c, "alive", 5)))).toStrictEqual(["Joined c"])
    expect(a.state().members.get("c")?.suspicion).toBeUndefined()
  })

  it("does not touch the body that belongs to the incarnation", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, update({ ...as(b, "failed", 0, "c"), body: PeerRecords.emptyBody }))
    expect(a.state().members.get("b")?.record.body).toStrictEqual(b.body)
    expect(toldOf(a.until(1_100), "b")).toMatchObject([{ body: b.body }])
  })

  it("that brings a newer body is at once a change of metadata", () => {
    const a = linkedTo([b, c])
    const newer: PeerRecord = { ...as(b, "suspect", 1, "c"), body: bodyOf("b", { v: "2" }) }
    expect(eventsOf(a.hear(1_000, c, update(newer)))).toStrictEqual(["MetadataChanged b"])
    expect(a.state().view.peers.get("b")?.metadata).toStrictEqual({ v: "2" })
  })

  it("of a member shown failed ends in failed, without a word to the application", () => {
    const a = linkedTo([b, c])
    gone(a, 1_000, b, c)
    a.until(20_000, [c])
    const without = a.state().viewHash
    expect(eventsOf(a.hear(21_000, c, update(as(b, "suspect", 3, "c"))))).toStrictEqual([])
    expect(a.state().viewHash).not.toBe(without)
    expect(eventsOf(a.until(60_000))).toStrictEqual([])
    expect(a.state().members.get("b")?.record).toMatchObject({ incarnation: 3, status: "failed" })
    expect(a.state().viewHash).toBe(without)
  })
})

describe("R7: an accusation about this node", () => {
  it.each(["suspect", "failed"] as const)(
    "%s is refuted by a greater incarnation, which everybody is told",
    (status) => {
      const a = linkedTo([b, c])
      a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 0, status })
      expect(a.state().self.incarnation).toBe(1)
      expect(framesOf(a.until(1_100), "Update")).toMatchObject([
        { to: ["b", "c"], frame: { records: [{ name: "a", incarnation: 1, status: "alive" }] } },
      ])
    },
  )

  it("is refuted the same by Update, digest, handshake and link", () => {
    const said: Key = { name: "a", generation: wall, incarnation: 5, status: "suspect" }
    const viaUpdate = linkedTo([b])
    viaUpdate.hear(1_000, b, update({ ...said, body: bodyOf("a") }))
    const viaDigest = linkedTo([b])
    viaDigest.hear(1_000, b, { _tag: "SyncDigest", entries: [said], last: true })
    const viaDelta = linkedTo([b])
    viaDelta.hear(1_000, b, { _tag: "SyncDelta", records: [{ ...said, body: bodyOf("a") }], want: [] })
    const inHandshake = nodeOf("a")
    inHandshake.at(1_000, { _tag: "Accused", youAre: said })
    const withLink = nodeOf("a")
    withLink.meet(1_000, b, { youAre: said })
    for (const node of [viaUpdate, viaDigest, viaDelta, inHandshake, withLink]) {
      expect(node.state().self.incarnation).toBe(6)
    }
  })

  it("that is older than this node's incarnation needs no answer", () => {
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

  it("left, though the node runs, is an eviction", () => {
    const a = linkedTo([b])
    const outputs = a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 0, status: "left" })
    expect(eventsOf(outputs)).toStrictEqual(["Evicted"])
    expect(stoppedOf(outputs)).toStrictEqual(["evicted"])
    expect(States.deadline(a.state())).toBeUndefined()
  })

  it("a member with a link that others say has left gets to hear it", () => {
    const a = linkedTo([b, c])
    const outputs = a.hear(1_000, c, update(as(b, "left")))
    expect(eventsOf(outputs)).toStrictEqual(["Left b"])
    expect(framesOf(outputs, "YouAre")).toMatchObject([{ to: ["b"], frame: { status: "left" } }])
  })

  it("by a refusal is an eviction too, unless the node is leaving", () => {
    const a = linkedTo([b])
    expect(stoppedOf(a.at(1_000, { _tag: "Evict" }))).toStrictEqual(["evicted"])
    const leaver = linkedTo([b])
    leaver.at(1_000, { _tag: "Leave" })
    expect(leaver.at(1_100, { _tag: "Evict" })).toStrictEqual([])
  })

  it("a second body under its own incarnation makes it write the next", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update({ ...recordOf("a"), body: bodyOf("a", { other: "life" }) }))
    expect(a.state().self).toMatchObject({ incarnation: 1, body: bodyOf("a") })
  })
})

describe("a restart within one generation", () => {
  it("is told the record that is known of it", () => {
    const known: PeerRecord = { ...as(b, "alive", 2), body: bodyOf("b", { v: "1" }) }
    const a = linkedTo([known])
    lost(a, 1_000, known)
    const outputs = a.meet(2_000, b)
    expect(framesOf(outputs, "Update")).toStrictEqual([{ to: ["b"], frame: update(known) }])
    expect(a.state().members.get("b")?.record).toStrictEqual(known)
    expect(a.state().members.get("b")?.suspicion).toBeUndefined()
  })
})

describe("R8: a newer life", () => {
  const newer: PeerRecord = { ...b, generation: b.generation + 1 }

  it("is a candidate until it is met, and then replaces the old one", () => {
    const a = linkedTo([b, c])
    expect(eventsOf(a.hear(1_000, c, update(newer)))).toStrictEqual([])
    expect(a.state().view.peers.get("b")?.generation).toBe(b.generation)
    const outputs = a.meet(2_000, newer)
    expect(eventsOf(outputs)).toStrictEqual(["Replaced b"])
    expect(a.state().view.peers.get("b")?.generation).toBe(newer.generation)
    expect(a.state().candidates.size).toBe(0)
  })

  it("a link of the older life is refused then", () => {
    const a = linkedTo([newer])
    expect(closedOf(a.meet(1_000, b))).toStrictEqual(["replaced b"])
    expect(a.state().members.get("b")?.record.generation).toBe(newer.generation)
  })

  it("of this node's own name ends this node", () => {
    const a = linkedTo([b])
    const outputs = a.hear(1_000, b, update(recordOf("a", { generation: wall + 1 })))
    expect(eventsOf(outputs)).toStrictEqual(["Superseded"])
    expect(stoppedOf(outputs)).toStrictEqual(["superseded"])
  })

  it("Bye `replaced` ends this node", () => {
    const a = linkedTo([b])
    expect(stoppedOf(a.at(1_000, { _tag: "LinkDown", peer: b, code: "replaced" }))).toStrictEqual(["superseded"])
  })

  it("a refusal as stale before the first link makes it take the higher generation", () => {
    const a = nodeOf("a")
    a.at(1_000, { _tag: "Stale", atLeastGeneration: wall + 7 })
    expect(a.state().self).toMatchObject({ generation: wall + 7, incarnation: 0 })
    expect(a.state().phase._tag).toBe("Running")
    a.at(1_000, { _tag: "Stale", atLeastGeneration: wall + 6 })
    expect(a.state().self.generation).toBe(wall + 7)
  })

  it("a refusal as stale after the first link ends it", () => {
    const a = linkedTo([b])
    expect(stoppedOf(a.at(1_000, { _tag: "Stale", atLeastGeneration: wall + 7 }))).toStrictEqual(["superseded"])
  })

  it("a node that took a higher generation is not ended by answers to the lower one", () => {
    const a = nodeOf("a")
    a.at(1_000, { _tag: "Stale", atLeastGeneration: wall + 7 })
    a.meet(1_000, b)
    a.at(1_100, { _tag: "Stale", atLeastGeneration: wall + 8 })
    a.at(1_200, { _tag: "LinkDown", peer: b, code: "replaced" })
    expect(a.state().phase._tag).toBe("Running")
    expect(stoppedOf(a.at(1_300, { _tag: "Stale", atLeastGeneration: wall + 9 }))).toStrictEqual(["superseded"])
  })
})

describe("R9: leaving", () => {
  it("waits for the acknowledgement of everybody with a link", () => {
    const a = linkedTo([b, c])
    lost(a, 500, c)
    a.meet(600, d)
    const outputs = a.at(1_000, { _tag: "Leave" })
    expect(framesOf(outputs, "Leave")).toStrictEqual([{ to: ["b", "d"], frame: { _tag: "Leave", generation: wall } }])
    expect(a.hear(1_100, b, { _tag: "LeaveAck", generation: wall })).toStrictEqual([])
    expect(stoppedOf(a.hear(1_200, d, { _tag: "LeaveAck", generation: wall }))).toStrictEqual(["left"])
  })

  it("does not wait for a link that is lost", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Leave" })
    expect(stoppedOf(lost(a, 1_100, b))).toStrictEqual(["left"])
  })

  it("waits for a bounded time", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Leave" })
    expect(stoppedOf(a.until(5_999))).toStrictEqual([])
    expect(stoppedOf(a.until(6_000))).toStrictEqual(["left"])
  })

  it("without a link is over at once", () => {
    expect(stoppedOf(nodeOf("a").at(1_000, { _tag: "Leave" }))).toStrictEqual(["left"])
  })

  it("takes no links and wishes for none", () => {
    const a = linkedTo([b, c])
    lost(a, 500, c)
    a.at(1_000, { _tag: "Leave" })
    expect(States.wishes(a.state()).size).toBe(0)
    expect(closedOf(a.meet(1_100, d))).toStrictEqual(["left d"])
  })

  it("is not refuted by rumours about the leaver", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Leave" })
    a.hear(1_100, b, update(recordOf("a", { status: "left" })))
    a.hear(1_100, b, { _tag: "YouAre", generation: wall, incarnation: 0, status: "left" })
    expect(a.state()).toMatchObject({ phase: { _tag: "Leaving" }, self: { incarnation: 0, status: "left" } })
  })

  it("of a peer is acknowledged, told and final for its generation", () => {
    const a = linkedTo([b, c])
    const outputs = [...a.hear(1_000, b, { _tag: "Leave", generation: wall }), ...a.until(1_100)]
    expect(eventsOf(outputs)).toStrictEqual(["Left b"])
    expect(framesOf(outputs, "LeaveAck")).toStrictEqual([{ to: ["b"], frame: { _tag: "LeaveAck", generation: wall } }])
    expect(toldOf(outputs, "b")).toMatchObject([{ status: "left" }])
    a.hear(2_000, c, update(as(b, "alive", 99)))
    const again = a.meet(2_000, as(b, "alive", 99))
    expect(closedOf(again)).toStrictEqual(["parted b"])
    expect(framesOf(again, "YouAre")).toMatchObject([{ to: ["b"], frame: { status: "left" } }])
    expect(a.state().members.has("b")).toBe(false)
    expect(States.wishes(a.state()).size).toBe(0)
    expect(eventsOf(a.meet(3_000, { ...b, generation: wall + 1 }))).toStrictEqual(["Joined b"])
  })

  it("of a peer counts only from itself", () => {
    const a = linkedTo([b, c])
    expect(a.hear(1_000, c, { _tag: "Leave", generation: wall - 1 })).toStrictEqual([])
    expect(a.state().view.peers.size).toBe(2)
  })

  it.each(["left", "superseded"] as const)("Bye `%s` ends the peer's life", (code) => {
    const a = linkedTo([b])
    expect(eventsOf(a.at(1_000, { _tag: "LinkDown", peer: b, code }))).toStrictEqual(["Left b"])
    expect(a.state().tombstones.get("b")?.status).toBe("left")
  })

  it("in a newer life, of which others tell, ends the candidate with the member", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, update({ ...b, generation: wall + 1 }))
    a.hear(1_100, c, update({ ...b, generation: wall + 1, status: "left" }))
    expect(States.wishes(a.state()).size).toBe(0)
    expect(a.state().candidates.size).toBe(0)
  })
})

describe("R10: the failed", () => {
  const failed = () => {
    const a = linkedTo([b, c])
    gone(a, 1_000, b, c)
    a.until(13_000, [c])
    return a
  }

  it("are dialled for a day and then buried", () => {
    const a = failed()
    a.until(13_000 + 24 * 3_600_000 - 1)
    expect(States.wishes(a.state()).get("b")?.kind).toBe("failed")
    a.until(13_000 + 24 * 3_600_000)
    expect(States.wishes(a.state()).size).toBe(0)
    expect(a.state().tombstones.get("b")?.status).toBe("failed")
  })

  it("recover by the refutation within the handshake", () => {
    const a = failed()
    expect(States.belief(a.state(), "b", b.generation)).toMatchObject({ incarnation: 0, status: "failed" })
    expect(eventsOf(a.meet(20_000, as(b, "alive", 1)))).toStrictEqual(["Recovered b"])
  })

  it("are told even after they are buried", () => {
    const a = failed()
    a.until(13_000 + 24 * 3_600_000)
    expect(States.belief(a.state(), "b", b.generation)).toMatchObject({ incarnation: 0, status: "failed" })
  })

  it("recover with a link even if the accusation came after the handshake", () => {
    const a = failed()
    const outputs = a.meet(20_000, b)
    expect(eventsOf(outputs)).toStrictEqual(["Recovered b"])
    expect(framesOf(outputs, "YouAre")).toMatchObject([{ frame: { status: "failed" } }])
    expect(eventsOf(a.until(21_000))).toStrictEqual([])
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
    expect(outputs).toMatchObject([{ _tag: "Ask", peer: { name: "c", generation: wall } }])
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
    expect(a.state().errands).toStrictEqual([])
  })
})

describe("parting and doubts", () => {
  it("of one that it parted from this node has no verdict of its own", () => {
    const a = linkedTo([b, c])
    a.at(1_000, { _tag: "Disconnect", name: "b" })
    lost(a, 1_000, b)
    a.hear(2_000, c, update(as(b, "suspect", 0, "c")))
    const outputs = a.until(120_000, [c])
    expect(toldOf(outputs, "b").filter(({ by }) => by === "a")).toStrictEqual([])
    expect(a.state().members.get("b")?.record.status).toBe("suspect")
    a.hear(120_000, c, update(as(b, "failed", 0, "c")))
    const later = a.until(240_000, [c])
    expect(eventsOf(later)).toStrictEqual([])
    expect(toldOf(later, "b").filter(({ by }) => by === "a")).toStrictEqual([])
    expect(a.state().members.get("b")).toMatchObject({ shown: "failed", record: { status: "failed" } })
  })
})

describe("local health", () => {
  it("worsens by stalls and by accusations that were wrong, and mends with time", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Tick", stalled: true })
    a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 0, status: "suspect" })
    expect(a.state().health).toBe(2)
    a.until(3_999)
    expect(a.state().health).toBe(2)
    a.until(4_000)
    expect(a.state().health).toBe(1)
    a.until(7_000)
    expect(a.state().health).toBe(0)
  })

  it("does not worsen by being overtaken, and never beyond seven", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 3, status: "alive" })
    expect(a.state().health).toBe(0)
    for (let i = 0; i < 20; i++) a.at(2_000, { _tag: "Tick", stalled: true })
    expect(a.state().health).toBe(7)
  })
})

describe("losing many at once", () => {
  const peers = Array.from({ length: 7 }, (_, i) => recordOf(`p${i}`))
  const refused = (node: Node, now: number, dead: ReadonlyArray<PeerRecord>, others: ReadonlyArray<PeerRecord>) => [
    ...dead.flatMap((peer) => lost(node, now, peer)),
    ...dead.flatMap((peer) => [...unreached(node, now, peer, true), ...answers(node, now, peer, "refused", ...others)]),
  ]

  it("a node without any link is isolated, once, until it has one", () => {
    const a = linkedTo([b, c])
    lost(a, 1_000, b)
    lost(a, 1_000, c)
    const told = eventsOf([...unreached(a, 1_500, b), ...unreached(a, 1_500, c)])
    expect(told).toStrictEqual(["Isolated", "Suspected b", "Suspected c"])
    expect(eventsOf(a.until(13_499))).toStrictEqual([])
    expect(eventsOf(a.until(14_000)).filter((event) => event.startsWith("Failed"))).toStrictEqual([
      "Failed b",
      "Failed c",
    ])
    expect(eventsOf(a.meet(15_000, as(b, "alive", 1)))).toStrictEqual(["Reconnected", "Recovered b", "PartitionHealed"])
  })

  it("a node whose connections are refused is not isolated: the others are dead", () => {
    const a = linkedTo([b, c])
    expect(eventsOf(refused(a, 1_000, [b, c], []))).not.toContain("Isolated")
    expect(eventsOf(a.until(20_000)).filter((event) => event.startsWith("Failed"))).toHaveLength(2)
  })

  it("those whose connections are refused are dead, and no sign of a partition", () => {
    const a = linkedTo(peers)
    refused(a, 1_000, peers.slice(0, 4), peers.slice(4))
    expect(eventsOf(a.until(20_000, peers.slice(4)))).toStrictEqual(
      peers.slice(0, 4).map(({ name }) => `Failed ${name}`),
    )
  })

  it("is over when so many have come that the lost are few among all", () => {
    const a = linkedTo([b, c, d, e])
    gone(a, 1_000, b, d, e)
    gone(a, 1_000, c, d, e)
    expect(eventsOf(a.until(20_000, [d, e]))).toContain("PartitionSuspected")
    const events = peers.flatMap((peer) => eventsOf(a.meet(30_000, peer)))
    expect(events.filter((event) => event.startsWith("Partition"))).toStrictEqual(["PartitionHealed"])
  })

  it("of nine it takes three, for two are less than a quarter", () => {
    const eight = [...peers, b]
    const a = linkedTo(eight)
    const [first, second, third, ...rest] = eight
    if (first === undefined || second === undefined || third === undefined) throw new Error("eight peers are some")
    gone(a, 1_000, first, second, third, ...rest)
    gone(a, 1_000, second, third, ...rest)
    expect(eventsOf(a.until(13_000, eight))).toStrictEqual(["Failed p0", "Failed p1"])
    gone(a, 13_000, third, ...rest)
    a.hear(13_000, rest[0] ?? b, update(as(third, "suspect", 0, "p3")))
    a.hear(13_000, rest[1] ?? b, update(as(third, "suspect", 0, "p4")))
    a.hear(13_000, rest[2] ?? b, update(as(third, "suspect", 0, "p5")))
    // The third within twelve seconds of the first two, when the others are eight with this node, and three are lost.
    expect(eventsOf(a.until(15_000, rest))).toStrictEqual(["Failed p2", "PartitionSuspected"])
  })

  it("a quarter of all within the longest suspicion is a partition, and fewer are not", () => {
    const a = linkedTo(peers)
    const [first, second, ...rest] = peers
    if (first === undefined || second === undefined) throw new Error("seven peers are some")
    gone(a, 1_000, first, second, ...rest)
    expect(eventsOf(a.until(13_000, peers))).toStrictEqual(["Failed p0"])
    gone(a, 13_000, second, ...rest)
    expect(eventsOf(a.until(24_999, peers))).toStrictEqual([])
    expect(eventsOf(a.until(25_000, peers))).toStrictEqual(["Failed p1"])
    const both = linkedTo(peers)
    gone(both, 1_000, first, second, ...rest)
    gone(both, 1_000, second, ...rest)
    expect(eventsOf(both.until(13_000, peers))).toStrictEqual(["Failed p0", "Failed p1", "PartitionSuspected"])
  })

  it("those that were lost at first still count when more follow much later", () => {
    const a = linkedTo(peers)
    const [first, second, third, ...rest] = peers
    if (first === undefined || second === undefined || third === undefined) throw new Error("seven peers are some")
    gone(a, 1_000, first, second, third, ...rest)
    gone(a, 1_000, second, third, ...rest)
    expect(eventsOf(a.until(13_000, peers))).toContain("PartitionSuspected")
    gone(a, 60_000, third, ...rest)
    a.until(100_000, rest)
    // One of three is back, and two are a quarter still.
    expect(eventsOf(a.meet(110_000, as(third, "alive", 1)))).toStrictEqual(["Recovered p2"])
    expect(eventsOf(a.meet(110_000, as(first, "alive", 1)))).toStrictEqual(["Recovered p0", "PartitionHealed"])
  })

  it("is over when enough of them returned, and the others are told as missing", () => {
    const a = linkedTo(peers)
    const dead = peers.slice(0, 4)
    const rest = peers.slice(4)
    for (const peer of dead) gone(a, 1_000, peer, ...rest)
    a.until(30_000, rest)
    const [first, second, third] = dead
    if (first === undefined || second === undefined || third === undefined) throw new Error("four are dead")
    expect(eventsOf(a.meet(40_000, as(first, "alive", 1)))).toStrictEqual(["Recovered p0"])
    expect(eventsOf(a.meet(40_000, as(second, "alive", 1)))).toStrictEqual(["Recovered p1"])
    const outputs = a.meet(40_000, { ...third, generation: wall + 1 })
    expect(eventsOf(outputs)).toStrictEqual(["Replaced p2", "PartitionHealed"])
    expect(outputs.flatMap((output) => (output._tag === "Emit" ? [output.event] : []))).toMatchObject([
      {},
      { returned: [{ name: "p0" }, { name: "p1" }, { name: "p2" }], missing: [{ name: "p3" }] },
    ])
  })

  it("is over as well when those are given up that are lost", () => {
    const a = linkedTo([b, c, d], { reconnectWindow: 60_000 })
    gone(a, 1_000, b, d)
    gone(a, 1_000, c, d)
    expect(eventsOf(a.until(30_000, [d]))).toContain("PartitionSuspected")
    expect(eventsOf(a.until(120_000, [d]))).toStrictEqual(["PartitionHealed"])
    expect(a.state().partition).toBeUndefined()
  })
})

describe("R12: tombstones", () => {
  it("are kept for their time", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, { _tag: "Leave", generation: wall })
    a.until(3_600_999)
    expect(a.state().tombstones.size).toBe(1)
    a.until(3_601_000)
    expect(a.state().tombstones.size).toBe(0)
  })

  it("are bounded, and the oldest go first", () => {
    const a = linkedTo([b], { tombstoneCapacity: 10 })
    for (let i = 0; i < 30; i++) a.hear(1_000 + i, b, update(recordOf(`x${i}`, { status: "left" })))
    expect([...a.state().tombstones.keys()]).toStrictEqual(Array.from({ length: 10 }, (_, i) => `x${i + 20}`))
  })

  it("are not part of the view hash", () => {
    const a = linkedTo([b, c])
    const alone = linkedTo([c])
    a.hear(1_000, b, { _tag: "Leave", generation: wall })
    expect(a.state().viewHash).toBe(alone.state().viewHash)
  })
})

describe("parting", () => {
  it("takes the peer out of the view, closes the link and stops dialling", () => {
    const a = linkedTo([b, c])
    const hash = a.state().viewHash
    const outputs = a.at(1_000, { _tag: "Disconnect", name: "b" })
    expect(eventsOf(outputs)).toStrictEqual(["Parted b"])
    expect(closedOf(outputs)).toStrictEqual(["parted b"])
    expect(eventsOf(lost(a, 1_100, b))).toStrictEqual([])
    expect(eventsOf(unreached(a, 1_200, b))).toStrictEqual([])
    expect(States.wishes(a.state()).size).toBe(0)
    expect(a.state().viewHash).toBe(hash)
    expect(a.at(1_300, { _tag: "Disconnect", name: "b" })).toStrictEqual([])
  })

  it("by the other side is the same", () => {
    const a = linkedTo([b])
    expect(eventsOf(a.at(1_000, { _tag: "LinkDown", peer: b, code: "parted" }))).toStrictEqual(["Parted b"])
    expect(States.wishes(a.state()).size).toBe(0)
  })

  it("ends with a link", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Disconnect", name: "b" })
    lost(a, 1_100, b)
    expect(eventsOf(a.meet(2_000, b))).toStrictEqual(["Joined b"])
    expect(statusOf(a, "b")).toBe("alive")
  })

  it("ends with one event even if the peer was suspected meanwhile", () => {
    const a = linkedTo([b, c])
    a.at(1_000, { _tag: "Disconnect", name: "b" })
    lost(a, 1_100, b)
    expect(eventsOf(a.hear(1_200, c, update(as(b, "suspect", 0, "c"))))).toStrictEqual([])
    expect(eventsOf(a.meet(2_000, as(b, "alive", 1)))).toStrictEqual(["Joined b"])
  })

  it("does not hide that the peer's next life is met", () => {
    const a = linkedTo([b, c])
    a.at(1_000, { _tag: "Disconnect", name: "b" })
    lost(a, 1_100, b)
    a.hear(1_200, c, update({ ...b, generation: wall + 1 }))
    expect(States.wishes(a.state()).size).toBe(0)
    expect(eventsOf(a.meet(2_000, { ...b, generation: wall + 1 }))).toStrictEqual(["Joined b"])
  })
})

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
    const next: PeerRecord = { ...as(b, "alive", 1), body: bodyOf("b", { v: "1" }) }
    expect(eventsOf(a.hear(1_000, b, update(next)))).toStrictEqual(["MetadataChanged b"])
    expect(eventsOf(a.hear(1_100, c, update(next)))).toStrictEqual([])
    expect(eventsOf(a.hear(1_200, c, update(b)))).toStrictEqual([])
    expect(a.state().view.peers.get("b")?.metadata).toStrictEqual({ v: "1" })
  })

  it("written twice under one incarnation is the greater everywhere, and the owner hears of it", () => {
    const [low, high] = [bodyOf("b", { v: "1" }), bodyOf("b", { v: "2" })]
      .map((body): PeerRecord => ({ ...b, body }))
      .sort(PeerRecords.compare)
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
    expect(States.deadline(a.state())).toBe(1_020)
    expect(a.until(1_019)).toStrictEqual([])
    expect(toldOf(a.until(1_020), "a")).toMatchObject([{ incarnation: 2 }])
    expect(States.deadline(a.state())).toBeUndefined()
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

describe("what cannot be true", () => {
  const day = 24 * 3_600_000

  it("a generation more than a day ahead is not believed of others", () => {
    const a = linkedTo([b])
    const ahead = recordOf("c", { generation: wall + 1_000 + day + 1 })
    expect(eventsOf(a.hear(1_000, b, update(ahead)))).toStrictEqual(["Diagnostic"])
    expect(a.state().candidates.size).toBe(0)
    expect(eventsOf(a.hear(1_000, b, update({ ...ahead, status: "left" })))).toStrictEqual(["Diagnostic"])
    expect(a.state().tombstones.size).toBe(0)
    expect(eventsOf(a.hear(1_000, b, update({ ...ahead, generation: ahead.generation - 1 })))).toStrictEqual([])
    expect(a.state().candidates.size).toBe(1)
  })

  it("a generation more than a day ahead is believed of its owner", () => {
    const a = linkedTo([b])
    const ahead = recordOf("c", { generation: wall + 3 * day })
    expect(eventsOf(a.meet(1_000, ahead))).toStrictEqual(["Joined c"])
  })

  it("nor does one of this node's own name stop it", () => {
    const a = linkedTo([b])
    expect(eventsOf(a.hear(1_000, b, update(recordOf("a", { generation: wall + 3 * day }))))).toStrictEqual([
      "Diagnostic",
    ])
    expect(a.state().phase._tag).toBe("Running")
  })

  it("an incarnation far ahead is not believed of others, and is of the owner", () => {
    const a = linkedTo([b, c])
    expect(eventsOf(a.hear(1_000, b, update(as(c, "suspect", 65_537, "b"))))).toStrictEqual(["Diagnostic"])
    expect(a.state().members.get("c")?.record.incarnation).toBe(0)
    a.hear(1_000, c, update(as(c, "alive", 70_000)))
    expect(a.state().members.get("c")?.record.incarnation).toBe(70_000)
    a.hear(1_000, b, update(as(c, "suspect", 70_000 + 65_536, "b")))
    expect(a.state().members.get("c")?.record.incarnation).toBe(135_536)
  })

  it("an incarnation far ahead of this node's own is not refuted", () => {
    const a = linkedTo([b])
    const said = { _tag: "YouAre", generation: wall, incarnation: 65_537, status: "failed" } as const
    expect(eventsOf(a.hear(1_000, b, said))).toStrictEqual(["Diagnostic"])
    expect(a.state().self.incarnation).toBe(0)
    a.hear(1_000, b, { ...said, incarnation: 65_536 })
    expect(a.state().self.incarnation).toBe(65_537)
  })

  it("a lie about the incarnation of a candidate is not held against it", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(as(c, "failed", 4_000_000_000, "b")))
    expect(eventsOf(a.meet(1_100, c))).toStrictEqual(["Joined c", "Diagnostic"])
    expect(a.state().members.get("c")?.record).toStrictEqual(c)
  })
})

describe("strange names", () => {
  it.each(["__proto__", "constructor", "toString", "\u{1f600}"])("%s is a peer like any other", (name) => {
    const strange = recordOf(name)
    const a = linkedTo([b])
    a.hear(1_000, b, update(strange))
    expect(States.wishes(a.state()).has(name)).toBe(true)
    expect(eventsOf(a.meet(1_100, strange))).toStrictEqual([`Joined ${name}`])
    gone(a, 1_200, strange, b)
    expect(eventsOf(a.until(60_000, [b]))).toStrictEqual([`Failed ${name}`])
    expect(eventsOf(a.hear(60_000, b, update(as(strange, "left"))))).toStrictEqual([])
    expect(a.state().tombstones.has(name)).toBe(true)
  })
})
