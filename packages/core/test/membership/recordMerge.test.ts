/** Records that peers send (docs/protocol.md, sections "Records" and R9). */
import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as State from "../../src/membership/State.ts"
import type { Key } from "../../src/protocol/PeerRecord.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import {
  bodyOf,
  wall,
  recordOf,
  b,
  c,
  claim,
  update,
  linkedTo,
  loseLink,
  makeUnreachable,
  eventsOf,
  recordsSent,
  framesOf,
  closedOf,
} from "./support.ts"
import { dialTargets } from "./dialTargets.ts"

const oneOf = <const A extends string | number>(values: ReadonlyArray<A>) => Arbitrary.schema(Schema.Literals(values))

// Few values, so that equal keys are common. An owner writes one body for each incarnation.
const record: Arbitrary.Arbitrary<PeerRecord.PeerRecord> = Arbitrary.map(
  Arbitrary.all([oneOf([0, 1, 2]), oneOf([0, 1, 5]), oneOf(PeerRecord.statusOfRank)]),
  ([life, incarnation, status]) =>
    recordOf("x", {
      generation: wall + life,
      incarnation,
      status,
      body: bodyOf("x", { edition: `${life} ${incarnation}` }),
    }),
)

// Alive records, some of which have different bodies for one incarnation.
const edition: Arbitrary.Arbitrary<PeerRecord.PeerRecord> = Arbitrary.map(
  Arbitrary.all([oneOf([1, 2, 3]), oneOf([1, 2, 3])]),
  ([incarnation, version]) => recordOf("x", { incarnation, body: bodyOf("x", { version: String(version) }) }),
)

type Records = ReadonlyArray<PeerRecord.PeerRecord>

const x = recordOf("x", { body: bodyOf("x", { edition: "0 0" }) })

/** Knowledge of a node about the peer x: as a member with or without a link, or none. */
type Known = "linked" | "lost" | "unknown"

/** Delivers groups of records to a node, one Update per group, and returns the node. */
const fed = (known: Known, ...groups: ReadonlyArray<Records>) => {
  const a = linkedTo(known === "unknown" ? [b] : [b, x])
  if (known === "lost") loseLink(a, 500, x)
  for (const group of groups) a.hear(1_000, b, update(...group))
  return a
}

/**
 * Returns the data of a node about the peer x: keys and body of member and candidate, and the keys of the tombstone and
 * of the reported end. A reported end below a candidate does not count, because a node ignores all but the greatest
 * incarnation of a life in one frame. A member that was reported as left meanwhile is a candidate, so only the greatest
 * key counts for a peer without a link.
 */
const heldBy = (node: ReturnType<typeof linkedTo>) => {
  const { candidates, members, reportedEnds, tombstones } = node.state()
  if (!State.hasLink(node.state(), "x")) return [greatestOf(node)]
  const of = (held: PeerRecord.PeerRecord | undefined) => held && [keyOf(held), held.body]
  const candidate = candidates.get("x")?.record
  const [tombstone, reportedEnd] = [tombstones.get("x"), reportedEnds.get("x")]
  return [
    of(members.get("x")?.record),
    of(candidate),
    tombstone && keyOf(tombstone),
    candidate === undefined ? reportedEnd && keyOf(reportedEnd) : undefined,
  ]
}

const keyOf = ({ generation, incarnation, name, status }: Key): Key => ({ name, generation, incarnation, status })

/** Returns the greatest key of the peer x on a node. */
const greatestOf = (node: ReturnType<typeof linkedTo>): Key => {
  const { candidates, members, reportedEnds, tombstones } = node.state()
  const keys = [members.get("x")?.record, candidates.get("x")?.record, tombstones.get("x"), reportedEnds.get("x")]
  const none: Key = { name: "x", generation: 0, incarnation: 0, status: "alive" }
  return keys.reduce<Key>(
    (best, key) => (key !== undefined && PeerRecord.compareKeys(key, best) > 0 ? key : best),
    none,
  )
}

const runs = { arbitrary: { runs: 80 } }
describe.each(["linked", "lost", "unknown"] as const)("merging records of a peer that is %s", (knowsPeer) => {
  // Only the peer itself ends its life while it has a link.
  const isMerged = (each: PeerRecord.PeerRecord) =>
    knowsPeer !== "linked" || each.status !== "left" || each.generation !== wall
  const one = Arbitrary.filter(record, isMerged)
  const few = Arbitrary.array(one, { maxLength: 5 })

  it.prop(
    "does not depend on the order (commutative)",
    [few],
    ([records]) => {
      const held = heldBy(fed(knowsPeer, records))
      expect(heldBy(fed(knowsPeer, records.toReversed()))).toStrictEqual(held)
      expect(heldBy(fed(knowsPeer, [...records.slice(1), ...records.slice(0, 1)]))).toStrictEqual(held)
    },
    runs,
  )

  it.prop(
    "does not depend on the grouping (associative)",
    [few, few],
    ([first, second]) => {
      const held = heldBy(fed(knowsPeer, [...first, ...second]))
      expect(heldBy(fed(knowsPeer, first, second))).toStrictEqual(held)
      expect(heldBy(fed(knowsPeer, ...[...first, ...second].map((each) => [each])))).toStrictEqual(held)
    },
    runs,
  )

  it.prop(
    "a second time changes nothing (idempotent)",
    [few],
    ([records]) => {
      const node = fed(knowsPeer, records)
      const before = node.state()
      expect(node.hear(1_000, b, update(...records))).toStrictEqual([])
      expect(node.state()).toBe(before)
    },
    runs,
  )

  it.prop(
    "keeps the greatest record, and never goes back",
    [few, one],
    ([records, last]) => {
      const before = greatestOf(fed(knowsPeer, records))
      const after = greatestOf(fed(knowsPeer, records, [last]))
      expect(PeerRecord.compareKeys(after, before)).toBeGreaterThanOrEqual(0)
      for (const each of [...records, last]) {
        expect(PeerRecord.compareKeys(after, each)).toBeGreaterThanOrEqual(0)
      }
      expect([keyOf(before), keyOf(last)]).toContainEqual(keyOf(after))
    },
    runs,
  )

  it.prop(
    "of a greater record gives a greater result (monotone)",
    [one, one, one],
    ([first, second, third]) => {
      const [less, more] = PeerRecord.compare(first, second) <= 0 ? [first, second] : [second, first]
      const order = PeerRecord.compareKeys(
        greatestOf(fed(knowsPeer, [less], [third])),
        greatestOf(fed(knowsPeer, [more], [third])),
      )
      expect(order).toBeLessThanOrEqual(0)
    },
    runs,
  )
})

describe("merging bodies of one incarnation, without a link to their owner", () => {
  it.prop(
    "keeps the greatest body, in any order and grouping",
    [Arbitrary.array(edition, { minLength: 1, maxLength: 5 })],
    ([editions]) => {
      const greatest = editions.reduce((best, each) => (PeerRecord.compare(each, best) > 0 ? each : best))
      for (const groups of [[editions], [editions.toReversed()], editions.map((each) => [each])]) {
        expect(
          fed("lost", ...groups)
            .state()
            .members.get("x")?.record,
        ).toStrictEqual(greatest)
      }
    },
    runs,
  )
})

describe("metadata", () => {
  it("of a member changes once", () => {
    const a = linkedTo([b, c])
    const next: PeerRecord.PeerRecord = { ...claim(b, "alive", 1), body: bodyOf("b", { v: "1" }) }
    expect(eventsOf(a.hear(1_000, b, update(next)))).toStrictEqual(["MetadataChanged b"])
    expect(eventsOf(a.hear(1_100, c, update(next)))).toStrictEqual([])
    expect(eventsOf(a.hear(1_200, c, update(b)))).toStrictEqual([])
    expect(a.state().view.peers.get("b")?.metadata).toStrictEqual({ v: "1" })
  })
})

describe("a life that others report as left", () => {
  it("receives the report if it has a link, and the report is neither believed nor relayed", () => {
    const a = linkedTo([b, c])
    const before = a.state()
    for (const left of [claim(b, "left"), claim(b, "left", 7)]) {
      const outputs = a.hear(1_000, c, update(left))
      expect(eventsOf(outputs)).toStrictEqual([])
      expect(framesOf(outputs, "YouAre")).toMatchObject([
        { to: ["b"], frame: { status: "left", incarnation: left.incarnation } },
      ])
    }
    expect(a.state()).toStrictEqual(before)
    expect(framesOf(a.until(2_000), "Update")).toStrictEqual([])
  })

  it("has left if it has no link, until a greater record of it arrives", () => {
    const a = linkedTo([b, c])
    loseLink(a, 500, b)
    expect(eventsOf(a.hear(1_000, c, update(claim(b, "left", 4))))).toStrictEqual(["Left b"])
    a.hear(1_100, c, update(claim(b, "alive", 4)))
    expect(dialTargets(a.state()).size).toBe(0)
    a.hear(1_200, c, update(claim(b, "alive", 5)))
    expect(dialTargets(a.state()).size).toBe(1)
    expect(eventsOf(a.meet(1_300, claim(b, "alive", 5)))).toStrictEqual(["Joined b"])
    expect(a.state().tombstones.size).toBe(0)
  })

  it("returns with a complete handshake, and is asked to refute the report", () => {
    const a = linkedTo([b, c])
    loseLink(a, 500, b)
    a.hear(1_000, c, update(claim(b, "left", 4)))
    const outputs = a.meet(1_100, b)
    expect(eventsOf(outputs)).toStrictEqual(["Joined b"])
    expect(framesOf(outputs, "YouAre")).toMatchObject([{ to: ["b"], frame: { incarnation: 4, status: "left" } }])
    expect(closedOf(outputs)).toStrictEqual([])
    a.hear(1_200, b, update(claim(b, "alive", 5)))
    expect(a.state().members.get("b")?.record).toMatchObject({ incarnation: 5, status: "alive" })
  })

  it("ends the candidate with the member", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, update({ ...b, generation: wall + 1 }))
    a.hear(1_100, c, update({ ...b, generation: wall + 1, status: "left" }))
    expect(dialTargets(a.state()).size).toBe(0)
    expect(a.state().candidates.size).toBe(0)
  })
})

describe("a life that this node never met and that others report as left", () => {
  const later = recordOf("c", { generation: wall + 1_000_000, status: "left" })
  const next = recordOf("c", { generation: wall + 1_000 })

  it("keeps an earlier life from becoming a candidate for candidateTimeout only", () => {
    const a = linkedTo([b, c])
    a.hear(500, c, { _tag: "Leave", generation: wall })
    loseLink(a, 600, c)
    a.hear(1_000, b, update(later))
    a.hear(2_000, b, update(next))
    expect(dialTargets(a.state()).size).toBe(0)
    a.until(31_000)
    expect(eventsOf(a.hear(31_000, b, update(c)))).toStrictEqual([])
    expect(dialTargets(a.state()).size).toBe(0)
    a.hear(31_000, b, update(next))
    expect(dialTargets(a.state()).get("c")?.generation).toBe(next.generation)
  })

  it("does not replace the memory of a life that this node met", () => {
    const a = linkedTo([b, c])
    a.hear(500, c, { _tag: "Leave", generation: wall })
    const tombstone = a.state().tombstones.get("c")
    a.hear(1_000, b, update(later))
    expect(a.state().tombstones.get("c")).toBe(tombstone)
    expect(closedOf(a.meet(2_000, c))).toStrictEqual(["replaced c"])
  })

  it.each([
    ["with", false],
    ["without", true],
  ])("does not end an earlier life %s a link, and is not relayed", (_, isLost) => {
    const a = linkedTo([b, c])
    if (isLost) loseLink(a, 500, c)
    const member = a.state().members.get("c")
    const outputs = [...a.hear(1_000, b, update(later)), ...a.until(1_100)]
    expect([eventsOf(outputs), recordsSent(outputs, "c")]).toStrictEqual([[], []])
    expect(framesOf(outputs, "YouAre")).toStrictEqual([])
    expect(a.state().members.get("c")).toBe(member)
    // A record of that life, or of another life that is not later, is no news.
    a.hear(1_200, b, update({ ...later, status: "failed" }, next))
    expect(a.state().candidates.size).toBe(0)
    a.hear(1_200, b, update({ ...next, generation: later.generation + 1 }))
    expect(dialTargets(a.state()).get("c")?.generation).toBe(later.generation + 1)
  })

  it("is asked in its handshake to refute the report", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(later))
    expect(State.belief(a.state(), "c", later.generation)).toMatchObject({ incarnation: 0, status: "left" })
    const outputs = a.meet(1_100, { ...later, status: "alive" })
    expect(eventsOf(outputs)).toStrictEqual(["Joined c"])
    expect(framesOf(outputs, "YouAre")).toMatchObject([{ to: ["c"], frame: { incarnation: 0, status: "left" } }])
    expect(a.state().reportedEnds.size).toBe(0)
  })

  it("stays ended after the handshake of an earlier life", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(later))
    expect(eventsOf(a.meet(1_100, next))).toStrictEqual(["Joined c"])
    a.hear(1_200, b, update({ ...later, status: "alive" }))
    expect(a.state().candidates.size).toBe(0)
  })

  it("is in no answer to a digest, and is not requested", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(later))
    const answerTo = (now: number, entry: Key) => {
      const outputs = a.hear(now, b, { _tag: "SyncDigest", entries: [recordOf("a"), b, entry], last: true })
      a.at(now, { _tag: "AnswerWritten", peer: b })
      return framesOf(outputs, "SyncDelta").map(({ frame }) => frame)
    }
    expect(answerTo(1_100, next)).toMatchObject([{ records: [], want: [] }])
    expect(answerTo(1_200, { ...later, status: "alive" })).toMatchObject([{ records: [], want: [] }])
    expect(answerTo(1_300, { ...later, status: "alive", incarnation: 1 })).toMatchObject([{ records: [], want: ["c"] }])
    a.until(31_000)
    expect(answerTo(31_100, next)).toMatchObject([{ records: [], want: ["c"] }])
  })
})

describe("an impossible record", () => {
  const day = 24 * 3_600_000

  it("with a generation more than a day ahead is ignored from others", () => {
    const a = linkedTo([b])
    const ahead = recordOf("c", { generation: wall + 1_000 + day + 1 })
    expect(eventsOf(a.hear(1_000, b, update(ahead)))).toStrictEqual(["Diagnostic"])
    expect(a.state().candidates.size).toBe(0)
    expect(eventsOf(a.hear(1_000, b, update({ ...ahead, status: "left" })))).toStrictEqual(["Diagnostic"])
    expect(a.state().reportedEnds.size).toBe(0)
    expect(eventsOf(a.hear(1_000, b, update({ ...ahead, generation: ahead.generation - 1 })))).toStrictEqual([])
    expect(a.state().candidates.size).toBe(1)
  })

  it("with an incarnation far ahead is ignored from others, and accepted from the owner", () => {
    const a = linkedTo([b, c])
    const bound = Math.floor((1_000 + 2 * day) / 16)
    expect(eventsOf(a.hear(1_000, b, update(claim(c, "suspect", bound + 1, "b"))))).toStrictEqual(["Diagnostic"])
    expect(a.state().members.get("c")?.record.incarnation).toBe(0)
    a.hear(1_000, b, update(claim(c, "suspect", bound, "b")))
    expect(a.state().members.get("c")?.record.incarnation).toBe(bound)
    a.hear(1_000, c, update(claim(c, "alive", 4_000_000_000)))
    expect(a.state().members.get("c")?.record.incarnation).toBe(4_000_000_000)
  })

  it("with a false incarnation of a candidate does not prevent the candidate from joining", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(claim(c, "failed", 4_000_000_000, "b")))
    expect(a.state().candidates.size).toBe(0)
    expect(eventsOf(a.meet(1_100, c))).toStrictEqual(["Joined c"])
    expect(a.state().members.get("c")?.record).toStrictEqual(c)
  })
})

describe("strange names", () => {
  it.each(["__proto__", "constructor", "toString", "\u{1f600}"])("%s is a normal peer", (name) => {
    const strange = recordOf(name)
    const a = linkedTo([b])
    a.hear(1_000, b, update(strange))
    expect(dialTargets(a.state()).has(name)).toBe(true)
    expect(eventsOf(a.meet(1_100, strange))).toStrictEqual([`Joined ${name}`])
    makeUnreachable(a, 1_200, strange, b)
    expect(eventsOf(a.until(60_000, [b]))).toStrictEqual([`Failed ${name}`])
    expect(eventsOf(a.hear(60_000, b, update(claim(strange, "left"))))).toStrictEqual([])
    expect(a.state().tombstones.has(name)).toBe(true)
  })
})
