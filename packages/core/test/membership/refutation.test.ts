/** Accusations of this node and newer lives of its name (docs/protocol.md R7, R8). */
import { describe, expect, it } from "@effect/vitest"
import type { Input } from "../../src/membership/Membership.ts"
import { maxClaims } from "../../src/membership/Settings.ts"
import * as State from "../../src/membership/State.ts"
import type { Key, PeerRecord } from "../../src/protocol/PeerRecord.ts"
import {
  addressOf,
  bodyOf,
  wall,
  recordOf,
  b,
  c,
  d,
  update,
  nodeOf,
  linkedTo,
  loseLink,
  eventsOf,
  framesOf,
  recordsSent,
  stoppedOf,
} from "./support.ts"
import { dialTargets } from "./dialTargets.ts"

describe("R7: an accusation about this node", () => {
  it.each(["suspect", "failed"] as const)("%s is refuted by a greater incarnation, which is broadcast", (status) => {
    const a = linkedTo([b, c])
    a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 0, status })
    expect(a.state().self.incarnation).toBe(1)
    expect(framesOf(a.until(1_100), "Update")).toMatchObject([
      { to: ["b", "c"], frame: { records: [{ name: "a", incarnation: 1, status: "alive" }] } },
    ])
  })

  it("is refuted equally in Update, digest, delta, handshake and link", () => {
    const accusation: Key = { name: "a", generation: wall, incarnation: 5, status: "suspect" }
    const viaUpdate = linkedTo([b])
    viaUpdate.hear(1_000, b, update({ ...accusation, body: bodyOf("a") }))
    const viaDigest = linkedTo([b])
    viaDigest.hear(1_000, b, { _tag: "SyncDigest", entries: [accusation], last: true })
    const viaDelta = linkedTo([b])
    viaDelta.hear(1_000, b, { _tag: "SyncDelta", records: [{ ...accusation, body: bodyOf("a") }], want: [] })
    const inHandshake = nodeOf("a")
    inHandshake.at(1_000, { _tag: "SelfAccused", youAre: accusation })
    const withLink = nodeOf("a")
    withLink.meet(1_000, b, { youAre: accusation })
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

  it("alive at a greater incarnation than this node's is exceeded by the next incarnation", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 3, status: "alive" })
    expect(a.state().self.incarnation).toBe(4)
  })

  it("left is refuted like any accusation, and does not stop the node", () => {
    const a = linkedTo([b, c])
    const outputs = a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 0, status: "left" })
    expect([eventsOf(outputs), stoppedOf(outputs)]).toStrictEqual([[], []])
    expect(a.state().phase._tag).toBe("Running")
    expect(recordsSent(a.until(1_100), "a")).toMatchObject([{ incarnation: 1, status: "alive" }])
  })

  it("left makes a node that has met no peer begin a newer life", () => {
    const a = nodeOf("a")
    a.at(1_000, { _tag: "SelfAccused", youAre: { generation: wall, incarnation: 3, status: "left" } })
    expect(a.state()).toMatchObject({ phase: { _tag: "Running" }, self: { generation: wall + 1, incarnation: 0 } })
  })

  it("a second body of the current incarnation is replaced by the next incarnation", () => {
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

describe("metadata that change more often than news is sent", () => {
  it("is published while others accuse this node without a pause", () => {
    const a = linkedTo([b, c])
    const sent: Array<PeerRecord> = []
    a.at(1_000, { _tag: "MetadataSet", metadata: { v: "1" } })
    for (let now = 1_000; now < 2_000; now += 10) {
      const { incarnation } = a.state().self
      sent.push(
        ...recordsSent(a.hear(now, b, { _tag: "YouAre", generation: wall, incarnation, status: "suspect" }), "a"),
      )
      sent.push(...recordsSent(a.until(now), "a"))
    }
    expect(sent.at(-1)).toMatchObject({ body: { metadata: { v: "1" } } })
    expect(new Set(sent.map(({ incarnation }) => incarnation)).size).toBe(sent.length)
  })

  it("are published at most once in updateDelay, with one incarnation for each body", () => {
    const a = linkedTo([b])
    const sent = []
    for (let now = 1_000; now < 2_000; now++) {
      sent.push(...a.until(now))
      sent.push(...a.at(now, { _tag: "MetadataSet", metadata: { v: `${now}` } }))
    }
    sent.push(...a.until(2_100))
    const records = recordsSent(sent, "a")
    expect(records.length).toBeLessThanOrEqual(51)
    expect(records.at(-1)).toMatchObject({ incarnation: records.length, body: { metadata: { v: "1999" } } })
    expect(new Set(records.map(({ incarnation }) => incarnation)).size).toBe(records.length)
  })

  it("are published at most once in 20 ms even if updateDelay is shorter, and the last change is published", () => {
    const a = linkedTo([b], { updateDelay: 0 })
    const sent = []
    for (let now = 1_000; now < 2_000; now++) {
      sent.push(...a.at(now, { _tag: "MetadataSet", metadata: { v: `${now}` } }))
      sent.push(...a.until(now))
    }
    sent.push(...a.until(2_100))
    const records = recordsSent(sent, "a")
    expect(records.length).toBeLessThanOrEqual(51)
    expect(records.at(-1)).toMatchObject({ incarnation: records.length, body: { metadata: { v: "1999" } } })
  })

  it("are visible to this node's application at once, and to others with their incarnation", () => {
    const a = linkedTo([b])
    expect(eventsOf(a.at(1_000, { _tag: "MetadataSet", metadata: { v: "1" } }))).toStrictEqual(["SelfChanged"])
    expect(State.selfBody(a.state()).metadata).toStrictEqual({ v: "1" })
    expect(a.state().view.self).toMatchObject({ metadata: { v: "1" }, status: "alive", link: "up" })
    const digest = { _tag: "SyncDigest", entries: [], last: true } as const
    const [answer] = framesOf(a.hear(1_001, b, digest), "SyncDelta")
    expect(answer?.frame.records.find(({ name }) => name === "a")).toMatchObject({
      incarnation: 0,
      body: { metadata: {} },
    })
    const outputs = a.until(1_020)
    const [published] = recordsSent(outputs, "a")
    expect(published).toMatchObject({ incarnation: 1, body: { metadata: { v: "1" } } })
    expect(eventsOf(outputs)).not.toContain("SelfChanged")
    expect(State.selfBody(a.state())).toBe(a.state().self.body)
  })

  it("are not a change for this node's application if they are the same as before", () => {
    const a = linkedTo([b])
    const metadata = () => ({ v: "1", w: "2" })
    expect(eventsOf(a.at(1_000, { _tag: "MetadataSet", metadata: metadata() }))).toStrictEqual(["SelfChanged"])
    expect(eventsOf(a.at(1_010, { _tag: "MetadataSet", metadata: metadata() }))).toStrictEqual([])
  })

  it("are published with the leave of this node", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "MetadataSet", metadata: { v: "1" } })
    a.at(1_001, { _tag: "Leave" })
    expect(a.state().self).toMatchObject({ incarnation: 1, status: "left", body: { metadata: { v: "1" } } })
  })
})

describe("R8: a newer life of this node's name", () => {
  const newer = recordOf("a", { generation: wall + 1, body: bodyOf("elsewhere") })
  const refused = (more: Partial<Input & { _tag: "NameTaken" }> = {}) =>
    ({
      _tag: "NameTaken",
      generation: wall,
      instance: 0,
      atLeastGeneration: wall + 7,
      dialed: undefined,
      ...more,
    }) as const

  it("that a record claims stops nothing, and its addresses are dialed for a limited time", () => {
    const a = linkedTo([b])
    expect(a.hear(1_000, b, update(newer))).toStrictEqual([])
    expect(dialTargets(a.state()).get("a")).toMatchObject({
      generation: wall + 1,
      addresses: [addressOf("elsewhere")],
    })
    // A further claim of the same member waits until the first claim has been dialed.
    a.hear(1_100, b, update({ ...newer, generation: wall + 2 }))
    expect(dialTargets(a.state()).get("a")).toMatchObject({ generation: wall + 1 })
    const outputs = a.until(31_000)
    expect(eventsOf(outputs)).toStrictEqual(["Diagnostic"])
    expect(dialTargets(a.state()).size).toBe(0)
    expect(a.state()).toMatchObject({ phase: { _tag: "Running" }, self: { generation: wall, incarnation: 0 } })
  })

  it("that several members claim is dialed at each claimed address in turn, the newest claim next", () => {
    const a = linkedTo([b, c, d])
    const claimed = (place: string, ahead = 1) => recordOf("a", { generation: wall + ahead, body: bodyOf(place) })
    const dialed = () => dialTargets(a.state()).get("a")?.addresses
    const fail = (now: number) => a.at(now, { _tag: "DialFailed", name: "a", refused: true })
    a.hear(1_000, b, update(claimed("of b", 9)))
    a.hear(1_001, c, update(claimed("of c")))
    a.hear(1_002, d, update(claimed("of d")))
    // The dial that began first fails next.
    expect(dialed()).toStrictEqual([addressOf("of b")])
    const order = [1, 2, 3, 4].map((at) => {
      fail(2_000 + at)
      return dialed()
    })
    expect(order).toStrictEqual(["of d", "of c", "of b", "of d"].map((place) => [addressOf(place)]))
  })

  it("that a member claims at another address replaces its earlier claim in its turn once that dial has failed", () => {
    const a = linkedTo([b, c])
    const claimed = (place: string, ahead: number) => recordOf("a", { generation: wall + ahead, body: bodyOf(place) })
    const dialed = () => dialTargets(a.state()).get("a")?.addresses
    const fail = (now: number) => a.at(now, { _tag: "DialFailed", name: "a", refused: true })
    a.hear(1_000, b, update(claimed("first", 1)))
    a.hear(1_001, c, update(claimed("other", 1)))
    fail(1_010)
    // Two claims of one member never precede the claim of another member.
    a.hear(1_020, b, update(claimed("second", 2)))
    a.hear(1_030, b, update(claimed("third", 3)))
    expect(dialed()).toStrictEqual([addressOf("other")])
    fail(1_040)
    expect(dialed()).toStrictEqual([addressOf("second")])
    // A repeated claim does not prolong its time.
    fail(1_050)
    a.hear(20_000, c, update(claimed("other", 1)))
    a.until(31_001)
    fail(31_002)
    expect(dialed()).toStrictEqual([addressOf("second")])
  })

  it("that too many members claim replaces claims whose dial failed, and otherwise the last claim is ignored", () => {
    const members = Array.from({ length: maxClaims + 1 }, (_, i) => recordOf(`m${i}`))
    const a = linkedTo(members)
    const tell = (now: number, from: PeerRecord) =>
      a.hear(now, from, update(recordOf("a", { generation: wall + 1, body: bodyOf(`of ${from.name}`) })))
    for (const each of members.slice(0, maxClaims)) tell(1_000, each)
    const last = members[maxClaims] ?? b
    expect(eventsOf(tell(1_001, last))).toStrictEqual(["Diagnostic"])
    expect([...a.state().claims.keys()]).not.toContain(last.name)
    a.at(1_010, { _tag: "DialFailed", name: "a", refused: true })
    expect(eventsOf(tell(1_020, last))).toStrictEqual([])
    expect([...a.state().claims.keys()]).toContain(last.name)
    expect([...a.state().claims.keys()]).not.toContain("m0")
    expect(a.state().claims.size).toBe(maxClaims)
  })

  it("that a key claims without an address causes a Diagnostic, and changes nothing", () => {
    const a = linkedTo([b])
    const before = a.state()
    const key: Key = { name: "a", generation: wall + 1, incarnation: 0, status: "alive" }
    expect(eventsOf(a.hear(1_000, b, { _tag: "YouAre", ...key }))).toStrictEqual(["Diagnostic"])
    const digest = { _tag: "SyncDigest", entries: [key], last: true } as const
    expect(eventsOf(a.hear(1_000, b, digest))).toStrictEqual(["Diagnostic"])
    expect({ ...a.state(), view: before.view, digests: before.digests, answers: before.answers }).toStrictEqual(before)
  })

  it("stops this node once the two have met, unless this node has met no other peer", () => {
    const a = linkedTo([b])
    const outputs = a.at(1_000, { _tag: "NamesakeMet", generation: wall + 1, instance: 0 })
    expect([eventsOf(outputs), stoppedOf(outputs)]).toStrictEqual([["Superseded"], ["superseded"]])
    expect(
      stoppedOf(linkedTo([b]).at(1_000, { _tag: "NamesakeMet", generation: wall - 1, instance: 0 })),
    ).toStrictEqual([])
    expect(stoppedOf(nodeOf("a").at(1_000, { _tag: "NamesakeMet", generation: wall + 1, instance: 0 }))).toStrictEqual(
      [],
    )
  })

  it("in a refusal before the first link makes this node take the higher generation", () => {
    const a = nodeOf("a")
    expect(eventsOf(a.at(1_000, refused()))).toStrictEqual(["SelfChanged"])
    expect(a.state().self).toMatchObject({ generation: wall + 7, incarnation: 0 })
    expect(a.state().view.self.generation).toBe(wall + 7)
    expect(a.state().phase._tag).toBe("Running")
    a.at(1_000, refused({ generation: wall + 7, atLeastGeneration: wall + 6 }))
    expect(a.state().self.generation).toBe(wall + 7)
  })

  it("in a refusal stops this node only without a link, and only from two members that this node dialed", () => {
    const a = linkedTo([b, c])
    expect(stoppedOf(a.at(1_000, refused({ dialed: "b" })))).toStrictEqual([])
    loseLink(a, 2_000, b)
    expect(stoppedOf(a.at(2_000, refused({ dialed: "b" })))).toStrictEqual([])
    loseLink(a, 3_000, c)
    expect(stoppedOf(a.at(3_000, refused()))).toStrictEqual([])
    expect(stoppedOf(a.at(3_000, refused({ dialed: "d" })))).toStrictEqual([])
    expect(eventsOf(a.at(3_000, refused({ dialed: "c" })))).toStrictEqual(["Diagnostic"])
    expect(stoppedOf(a.at(3_001, refused({ dialed: "c" })))).toStrictEqual([])
    expect(stoppedOf(a.at(3_002, refused({ dialed: "b" })))).toStrictEqual(["superseded"])
  })

  it("in refusals of one member, which may be another process at its address, stops this node after the longest suspicion", () => {
    const alone = () => {
      const a = linkedTo([b, c], { suspicionMax: 9_000 })
      loseLink(a, 1_000, b)
      loseLink(a, 1_000, c)
      expect(stoppedOf(a.at(2_000, refused({ dialed: "b" })))).toStrictEqual([])
      expect(stoppedOf(a.at(10_999, refused({ dialed: "b" })))).toStrictEqual([])
      return a
    }
    expect(stoppedOf(alone().at(11_000, refused({ dialed: "b" })))).toStrictEqual(["superseded"])
    // A member accepts this node, so no newer life exists.
    const accepted = alone()
    accepted.meet(11_000, c)
    loseLink(accepted, 11_001, c)
    expect(stoppedOf(accepted.at(11_002, refused({ dialed: "b" })))).toStrictEqual([])
  })

  it("in a refusal of an earlier generation of this node changes nothing", () => {
    const a = nodeOf("a")
    a.at(1_000, refused())
    const before = a.state()
    expect(a.at(1_100, refused({ atLeastGeneration: wall + 8 }))).toStrictEqual([])
    expect(a.state()).toBe(before)
  })

  it("can be another process of its own generation with a greater instance", () => {
    const other = (instance: number) => ({ _tag: "NamesakeMet", generation: wall, instance }) as const
    expect(stoppedOf(linkedTo([b]).at(1_000, other(0)))).toStrictEqual([])
    expect(stoppedOf(linkedTo([b]).at(1_000, other(1)))).toStrictEqual(["superseded"])
  })

  it("can be a copy of this process that takes its links twice within a minute; this process then takes a greater instance", () => {
    const duplicate = { _tag: "LinkDown", peer: b, code: "duplicate", silent: false, draw: 41 } as const
    const a = linkedTo([b, c])
    a.at(1_000, duplicate)
    expect(a.state()).toMatchObject({ instance: 0, phase: { _tag: "Running" } })
    a.meet(2_000, b)
    a.at(60_999, duplicate)
    expect(a.state()).toMatchObject({ instance: 42, phase: { _tag: "Running" } })
    // Two more losses follow, because the first copy to take a greater instance stays.
    a.meet(61_000, b)
    a.at(61_001, duplicate)
    expect(a.state().instance).toBe(42)
    // An answer to a Hello with the earlier instance does not concern this process any more.
    loseLink(a, 61_002, c)
    for (const dialed of ["b", "c"]) expect(stoppedOf(a.at(61_100, refused({ dialed })))).toStrictEqual([])
    const now = (dialed: string) => a.at(61_100, refused({ dialed, instance: 42 }))
    expect(stoppedOf([...now("b"), ...now("c")])).toStrictEqual(["superseded"])
  })

  it("is not assumed when this node occasionally loses a link as a duplicate", () => {
    const a = linkedTo([b])
    for (let at = 1_000; at < 1_000_000; at += 60_000) {
      a.at(at, { _tag: "LinkDown", peer: b, code: "duplicate", silent: false, draw: 41 })
      a.meet(at + 500, b)
    }
    expect(a.state().instance).toBe(0)
  })

  it("in Bye `replaced` counts as a lost link", () => {
    const a = linkedTo([b, c])
    const outputs = a.at(1_000, { _tag: "LinkDown", peer: b, code: "replaced", silent: false })
    expect(eventsOf(outputs)).toStrictEqual(["Unreachable b"])
    expect([...dialTargets(a.state()).keys()]).toStrictEqual(["b"])
  })
})

describe("an impossible belief about this node", () => {
  const day = 24 * 3_600_000

  it("with a generation more than a day ahead does not stop it", () => {
    const a = linkedTo([b])
    expect(eventsOf(a.hear(1_000, b, update(recordOf("a", { generation: wall + 3 * day }))))).toStrictEqual([
      "Diagnostic",
    ])
    expect(a.state().phase._tag).toBe("Running")
  })

  it("with an incarnation that no peer believes at this age is not refuted", () => {
    const a = linkedTo([b])
    const bound = Math.floor((1_000 + 4 * day) / 16)
    const accusation = { _tag: "YouAre", generation: wall, incarnation: bound + 1, status: "failed" } as const
    expect(eventsOf(a.hear(1_000, b, accusation))).toStrictEqual(["Diagnostic"])
    expect(a.state().self.incarnation).toBe(0)
    a.hear(1_000, b, { ...accusation, incarnation: bound })
    expect(a.state().self.incarnation).toBe(bound + 1)
  })
})
