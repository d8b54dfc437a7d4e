/** Bounds on incarnations that others report (docs/protocol.md, section "Records"). */
import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { maxIncarnation } from "../../src/protocol/constants.ts"
import type { PeerRecord, Status } from "../../src/protocol/PeerRecord.ts"
import { dialTargets } from "./dialTargets.ts"
import { b, claim, eventsOf, framesOf, linkedTo, nodeOf, recordOf, recordsSent, update, wall } from "./support.ts"

const hour = 3_600_000
const day = 24 * hour

/** Delivers the belief of a holder to the owner, and returns the record with which the owner refutes it. */
const refutationOf = (accusation: PeerRecord, age: number, skew: number): PeerRecord | undefined => {
  const owner = nodeOf("x", {}, { generation: wall })
  // The owner needs links over which it sends the refutation.
  owner.meet(0, b)
  const now = age + skew
  const { generation, incarnation, status } = accusation
  const outputs = owner.hear(now, b, { _tag: "YouAre", generation, incarnation, status })
  return recordsSent([...outputs, ...owner.until(now + 20)], "x").at(-1)
}

describe("every accusation that a peer believes is refutable by its owner", () => {
  it("even if two accusations each jump by the free number of incarnations", () => {
    const x = recordOf("x")
    const holder = linkedTo([b, x])
    const first = claim(x, "suspect", 65_536, "b")
    const second = claim(x, "suspect", 131_072, "b")
    const outputs = holder.hear(1_000, b, update(first, second))
    const believed = framesOf(outputs, "YouAre").at(-1)?.frame
    expect(believed?.incarnation).toBe(131_072)
    const refutation = refutationOf(second, 1_000, 0)
    expect(refutation).toMatchObject({ incarnation: 131_073, status: "alive" })
    holder.hear(1_000, b, update(...(refutation === undefined ? [] : [refutation])))
    expect(holder.state().members.get("x")?.record).toMatchObject({ incarnation: 131_073, status: "alive" })
  })

  it("up to the greatest incarnation of an accusation, and peers believe the refutation", () => {
    const x = recordOf("x")
    const age = 800 * day
    const holder = nodeOf("a")
    holder.meet(0, b)
    expect(eventsOf(holder.hear(age, b, update(claim(x, "suspect", maxIncarnation - 1, "b"))))).toStrictEqual([
      "Diagnostic",
    ])
    const last = claim(x, "suspect", maxIncarnation - 2, "b")
    holder.hear(age, b, update(last))
    expect(holder.state().candidates.get("x")?.record.incarnation).toBe(maxIncarnation - 2)
    const refutation = refutationOf(last, age, 0)
    expect(refutation?.incarnation).toBe(maxIncarnation - 1)
    holder.hear(age, b, update(...(refutation === undefined ? [] : [refutation])))
    expect(holder.state().candidates.get("x")?.record).toMatchObject({
      incarnation: maxIncarnation - 1,
      status: "alive",
    })
  })

  const between = (minimum: number, maximum: number) =>
    Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
  const status: Arbitrary.Arbitrary<Status> = Arbitrary.schema(Schema.Literals(["suspect", "failed", "left"]))

  it.prop(
    "with clocks that differ by less than a day, at any age and for any accusation",
    [between(0, 5 * 365), between(-24, 24), between(-24, 24), status, between(0, maxIncarnation), between(0, 1)],
    ([days, ownerSkew, otherSkew, what, any, isNear]) => {
      const age = days * day
      // Near the bound, where the two sides could differ.
      const incarnation = isNear === 1 ? Math.min(maxIncarnation, Math.floor((age + 48 * hour) / 16) - (any % 3)) : any
      const x = recordOf("x")
      const accusation = claim(x, what, incarnation, "b")
      const holder = nodeOf("a")
      holder.meet(0, b)
      const outputs = holder.hear(age, b, update(accusation))
      const { candidates, reportedEnds } = holder.state()
      const isBelieved = candidates.has("x") || reportedEnds.has("x")
      expect(eventsOf(outputs)).toStrictEqual(isBelieved ? [] : ["Diagnostic"])
      if (!isBelieved) return
      const skew = Math.max(-24, Math.min(24, ownerSkew)) * hour
      if (age + skew < 0) return
      const refutation = refutationOf(accusation, age, skew)
      expect(refutation).toMatchObject({ incarnation: incarnation + 1, status: "alive" })
      if (refutation === undefined) return
      // Another peer, whose clock also differs from the clock of the first peer by less than a day.
      const other = nodeOf("c")
      other.meet(0, b)
      const now = Math.max(0, age + otherSkew * hour) + 1_000
      other.hear(now, b, update(refutation))
      expect(other.state().candidates.get("x")?.record.incarnation).toBe(incarnation + 1)
    },
    { arbitrary: { runs: 300 } },
  )
})

describe("a record of its owner is believed", () => {
  it("but not about another life of its name", () => {
    const x = recordOf("x")
    const holder = linkedTo([b, x])
    const record = claim({ ...x, generation: x.generation + 1 }, "alive", maxIncarnation)
    holder.hear(1_000, x, update(record))
    const incarnation = Math.floor((1_000 - 1 + 3 * day) / 16)
    expect(holder.state().candidates.get("x")?.record).toStrictEqual({ ...record, incarnation })
    expect(holder.state().members.get("x")?.record).toStrictEqual(x)
  })

  it("but not an accusation of itself that it would not refute", () => {
    const x = recordOf("x")
    const holder = linkedTo([b, x])
    const accusation = claim(x, "suspect", maxIncarnation - 15)
    expect(refutationOf(accusation, 1_000, 0)).toBeUndefined()
    expect(eventsOf(holder.hear(1_000, x, update(accusation)))).toStrictEqual(["Diagnostic"])
    expect(holder.state().members.get("x")?.record).toMatchObject({ incarnation: 0, status: "alive" })
  })

  it("when others report it, after 70,000 changes in a time without contact", () => {
    const x = recordOf("x")
    const holder = linkedTo([b, x])
    holder.at(1_000, { _tag: "LinkDown", peer: x, code: undefined, silent: true })
    const last = claim(x, "alive", 70_000)
    expect(eventsOf(holder.hear(60_000, b, update(last)))).not.toContain("Diagnostic")
    expect(holder.state().members.get("x")?.record.incarnation).toBe(70_000)
  })

  it("on its own link, whatever its incarnation", () => {
    const x = recordOf("x")
    const holder = linkedTo([b, x])
    holder.hear(1_000, x, update(claim(x, "alive", maxIncarnation)))
    expect(holder.state().members.get("x")?.record.incarnation).toBe(maxIncarnation)
  })
})

describe("a generation that is ahead of the clock at the start of this node", () => {
  const later = recordOf("x", { generation: wall + 3 * day })

  it("is plausible once the clock was corrected, or the machine slept while the monotonic clock stood still", () => {
    const a = linkedTo([b])
    expect(eventsOf(a.hear(1_000, b, update(later)))).toStrictEqual(["Diagnostic"])
    a.at(2_000, { _tag: "Tick", wall: wall + 2_000 + 2 * day })
    expect(eventsOf(a.hear(3_000, b, update(later)))).toStrictEqual([])
    expect(dialTargets(a.state()).has("x")).toBe(true)
  })

  it("does not change the state for the small differences of two clocks", () => {
    const a = linkedTo([b])
    const before = a.state()
    a.at(1_000, { _tag: "Tick", wall: wall + 50_000 })
    expect(a.state().wallOffset).toBe(before.wallOffset)
  })
})

describe("an alive record with an implausible incarnation", () => {
  const x = recordOf("x")
  const far = claim(x, "alive", maxIncarnation - 15)

  it("is what an owner writes that refutes a false belief of a faulty member", () => {
    const refutation = refutationOf(claim(x, "suspect", 20_000_000), 1_000, 0)
    expect(refutation).toMatchObject({ incarnation: 20_000_001, status: "alive" })
    const a = linkedTo([b])
    a.hear(1_000, b, update(...(refutation === undefined ? [] : [refutation])))
    expect(dialTargets(a.state()).has("x")).toBe(true)
  })

  it("of an unknown life makes a candidate, which joins with the incarnation of its handshake", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(far))
    const candidate = a.state().candidates.get("x")?.record
    expect(candidate).toMatchObject({ generation: x.generation, status: "alive", body: x.body })
    expect(dialTargets(a.state()).get("x")?.addresses).toStrictEqual(x.body.addresses)
    // The owner refutes the incarnation of the candidate.
    const { incarnation = 0 } = candidate ?? {}
    expect(refutationOf(claim(x, "suspect", incarnation), 1_000, 0)?.incarnation).toBe(incarnation + 1)
    expect(eventsOf(a.meet(2_000, far))).toStrictEqual(["Joined x"])
    expect(a.state().members.get("x")?.record).toStrictEqual(far)
  })

  it("is news once only, although the plausible incarnation grows", () => {
    const a = linkedTo([b])
    expect(framesOf([...a.hear(1_000, b, update(far)), ...a.until(2_000)], "Update").length).toBe(1)
    const candidate = a.state().candidates.get("x")
    expect(framesOf([...a.hear(5_000, b, update(far)), ...a.until(6_000)], "Update")).toStrictEqual([])
    expect(a.state().candidates.get("x")).toBe(candidate)
  })

  it("of a life that left makes a candidate again", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(claim(x, "left", 1_000)))
    expect(dialTargets(a.state()).size).toBe(0)
    a.hear(2_000, b, update(far))
    expect(dialTargets(a.state()).has("x")).toBe(true)
  })

  it("of a member is ignored", () => {
    const a = linkedTo([b, x])
    expect(eventsOf(a.hear(1_000, b, update(far)))).toStrictEqual(["Diagnostic"])
    expect(a.state().members.get("x")?.record).toStrictEqual(x)
  })
})
