/** Standing and reach of one member, and the transitions between them. */
import { describe, expect, it } from "@effect/vitest"
import * as Member from "../../src/membership/Member.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import { addressOf, b, claim } from "./support.ts"

const suspicion: Member.Suspicion = { since: 1_000, accusers: new Map([["c", false]]) }
const later: Member.Suspicion = { since: 2_000, accusers: new Map([["d", true]]) }
const linked = Member.make(b, "Linked")
const accusation = claim(b, "suspect", 1, "d")

const standings: ReadonlyArray<Member.ActiveStanding> = [
  { _tag: "Alive" },
  { _tag: "Withheld", suspicion, publishAt: 3_000 },
  { _tag: "Overruled", suspicion },
  { _tag: "Suspect", suspicion },
]

const failed = Member.failed(Member.unlinked(linked), claim(b, "failed", 0, "a"), 5_000)

describe("a member", () => {
  it("has no accusation, failed dial or compared hash when it is new", () => {
    expect(linked.standing).toStrictEqual({ _tag: "Alive" })
    expect(linked.reach).toStrictEqual({
      _tag: "Linked",
      mismatch: undefined,
      synced: undefined,
      fruitless: undefined,
      challenged: undefined,
    })
    expect(Member.make(b, "Indirect", { lastReachedBy: "c" })).toMatchObject({
      reach: { _tag: "Indirect", dial: "pending" },
      lastReachedBy: "c",
    })
    expect(linked.hash).toBe(PeerRecord.memberHash(b))
  })

  it("appears alive while an accusation is withheld or overruled", () => {
    expect(standings.map((standing) => Member.localStatus({ ...linked, standing }))).toStrictEqual([
      "alive",
      "alive",
      "alive",
      "suspect",
    ])
    expect(Member.localStatus(failed)).toBe("failed")
  })

  it("reports its link as up, indirect or down", () => {
    const unlinked = Member.unlinked(linked)
    const members = [linked, Member.reachedBy(unlinked, "c", 0), unlinked, failed]
    expect(members.map(Member.linkState)).toStrictEqual(["up", "indirect", "down", "down"])
  })

  it("is in the view unless it failed or is disconnected, and needs a probe if it has no link", () => {
    const unlinked = Member.unlinked(linked)
    const members = [linked, unlinked, { ...unlinked, disconnected: true }, failed]
    expect(members.map(Member.isInView)).toStrictEqual([true, true, false, false])
    expect(members.map(Member.needsProbe)).toStrictEqual([false, true, false, false])
  })

  it("gets the hash of a new record", () => {
    const record = claim(b, "alive", 4)
    expect(Member.withRecord(linked, record)).toMatchObject({ record, hash: PeerRecord.memberHash(record) })
  })
})

describe("the reach of a member", () => {
  it("drops the compared hashes and the earlier dial with a lost link", () => {
    const compared: Member.LinkedMember = {
      ...linked,
      reach: {
        _tag: "Linked",
        mismatch: { mine: 1n, theirs: 2n },
        synced: { mine: 1n, theirs: 2n, at: 0 },
        fruitless: { count: 1, at: 0 },
        challenged: { incarnation: 0, at: 0 },
      },
    }
    expect(Member.unlinked(compared).reach).toStrictEqual({ _tag: "Down", dial: "pending" })
  })

  it("keeps the result of the dial until there is a link", () => {
    const refused = Member.dialed(Member.unlinked(linked), "refused")
    const reached = Member.reachedBy(refused, "c", 0)
    expect([refused, reached, Member.unreachable(reached)].map(Member.dialOf)).toStrictEqual([
      "refused",
      "refused",
      "refused",
    ])
    expect(Member.dialOf(Member.linked(reached, Member.alive, undefined))).toBeUndefined()
  })

  it("keeps the last member that reached it, and the address of the last successful dial", () => {
    const reached = Member.reachedBy(Member.unlinked(linked), "c", 0)
    const again = Member.linked(Member.unreachable(reached), Member.alive, addressOf("elsewhere"))
    expect(Member.linked(again, Member.alive, undefined)).toMatchObject({
      lastReachedBy: "c",
      address: addressOf("elsewhere"),
    })
  })

  it("becomes indirect with an alive record, and stays up with a link", () => {
    const record = claim(b, "alive", 1)
    expect(Member.refuted(failed, record).reach._tag).toBe("Indirect")
    expect(Member.refuted(linked, record).reach._tag).toBe("Linked")
  })

  it("of a disconnected member is like any other once a link is up", () => {
    expect(Member.linked({ ...linked, disconnected: true }, Member.alive, undefined).disconnected).toBe(false)
  })
})

describe("the standing of a member", () => {
  it.each(standings)("$_tag with a link is withheld when accused, unless it was suspect", (standing) => {
    const next = Member.accused({ ...linked, standing }, accusation, later, 4_000)
    expect(next.standing).toStrictEqual(
      standing._tag === "Suspect"
        ? { _tag: "Suspect", suspicion: later }
        : { _tag: "Withheld", suspicion: later, publishAt: 4_000 },
    )
    expect(next.record).toBe(accusation)
  })

  it.each(standings)("$_tag without a link is suspect when accused", (standing) => {
    const next = Member.accused({ ...Member.unlinked(linked), standing }, accusation, later, 4_000)
    expect(next.standing).toStrictEqual({ _tag: "Suspect", suspicion: later })
  })

  it("failed stays failed when accused of a later incarnation", () => {
    expect(Member.accused(failed, accusation, later, 4_000).standing).toStrictEqual({
      _tag: "Failed",
      failedAt: 5_000,
      suspicion: later,
    })
  })

  it.each(standings)("$_tag is overruled by a new link, and a withheld accusation stays withheld", (standing) => {
    const next = Member.overruled({ ...linked, standing }, 9_000)
    expect(next._tag).toBe(standing._tag === "Withheld" ? "Withheld" : "Overruled")
    expect(next.suspicion.since).toBe(9_000)
    expect([...next.suspicion.accusers.keys()]).toStrictEqual(standing._tag === "Alive" ? [] : ["c"])
  })

  it.each(standings)("$_tag becomes alive with an alive record", (standing) => {
    expect(Member.refuted({ ...linked, standing }, claim(b, "alive", 1)).standing).toStrictEqual({ _tag: "Alive" })
  })

  it("restarts its timer, if it has one", () => {
    const since = standings.map(
      (standing) => Member.suspicionOf(Member.restartTimer({ ...linked, standing }, 7_000))?.since,
    )
    expect(since).toStrictEqual([undefined, 7_000, 7_000, 7_000])
  })

  it("delays timer and publication together", () => {
    const delayed = standings.map((standing) => Member.delayed({ ...linked, standing }, 10).standing)
    expect(delayed).toMatchObject([
      { _tag: "Alive" },
      { suspicion: { since: 1_010 }, publishAt: 3_010 },
      { suspicion: { since: 1_010 } },
      { suspicion: { since: 1_010 } },
    ])
  })

  it("failed keeps the time of the first failure, and ends the accusation", () => {
    const accused = Member.accused(failed, accusation, later, 4_000)
    if (Member.isActive(accused)) throw new Error("the member has failed")
    expect(Member.failed(accused, claim(b, "failed", 1, "a"), 9_000).standing).toStrictEqual({
      _tag: "Failed",
      failedAt: 5_000,
      suspicion: undefined,
    })
  })
})
