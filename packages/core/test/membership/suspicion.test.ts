/**
 * Doubts and verdicts (docs/protocol.md R4 to R7), and how far a node distrusts itself.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Settings from "../../src/membership/Settings.ts"
import * as State from "../../src/membership/State.ts"
import * as Suspicion from "../../src/membership/suspicionTimer.ts"
import type { Key } from "../../src/protocol/PeerRecord.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import {
  answers,
  as,
  b,
  bodyOf,
  c,
  d,
  e,
  eventsOf,
  framesOf,
  gone,
  linkedTo,
  lost,
  nodeOf,
  recordOf,
  statusOf,
  stoppedOf,
  toldOf,
  unreached,
  update,
  wall,
} from "./support.ts"

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
    expect(framesOf(a.until(3_000, [c]), "ProbeRequest")).toHaveLength(1)
    expect(eventsOf(a.until(5_999, [c]))).toStrictEqual([])
    expect(eventsOf(a.until(6_000, [c]))).toStrictEqual(["Suspected b"])
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
    expect(toldOf(outputs, "b").find(({ by }) => by === "a")).not.toHaveProperty("refused")
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
      return suspicion === undefined ? undefined : State.suspicionDeadline(a.state(), suspicion)
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

  it("it waits for the others, but not for an attempt of its own that does not end", () => {
    const a = linkedTo([b, c, d])
    lost(a, 1_000, b)
    answers(a, 1_100, b, "down", c, d)
    expect(eventsOf(a.until(2_000, [c, d]))).toStrictEqual(["Suspected b"])
    expect(eventsOf(a.until(13_999, [c, d]))).toStrictEqual([])
    expect(eventsOf(a.until(14_000, [c, d]))).toStrictEqual(["Failed b"])
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
    expect(State.belief(a.state(), "c", c.generation)).toStrictEqual({
      generation: c.generation,
      incarnation: 4,
      status: "failed",
    })
    expect(State.belief(a.state(), "c", c.generation + 1)).toBeUndefined()
    expect(eventsOf(a.meet(1_100, as(c, "alive", 5)))).toStrictEqual(["Joined c"])
    expect(a.state().members.get("c")?.suspicion).toBeUndefined()
  })

  it("does not touch the body that belongs to the incarnation", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, update({ ...as(b, "failed", 0, "c"), body: PeerRecord.emptyBody }))
    expect(a.state().members.get("b")?.record.body).toStrictEqual(b.body)
    expect(toldOf(a.until(1_100), "b")).toMatchObject([{ body: b.body }])
  })

  it("that brings a newer body is at once a change of metadata", () => {
    const a = linkedTo([b, c])
    const newer: PeerRecord.PeerRecord = { ...as(b, "suspect", 1, "c"), body: bodyOf("b", { v: "2" }) }
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
    expect(State.deadline(a.state())).toBeUndefined()
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
