/** Step of the state machine: the inputs that each phase handles. */
import { describe, expect, it } from "@effect/vitest"
import type { Input } from "../../src/membership/Membership.ts"
import { b, c, claim, d, eventsOf, framesOf, linkedTo, stoppedOf, update, wall } from "./support.ts"

describe("a step", () => {
  it("of a stopped node changes nothing", () => {
    const a = linkedTo([b, c])
    expect(stoppedOf(a.at(1_000, { _tag: "NamesakeMet", generation: wall + 1, instance: 0 }))).toStrictEqual([
      "superseded",
    ])
    const stopped = a.state()
    const inputs: ReadonlyArray<Input> = [
      { _tag: "Tick" },
      { _tag: "Leave" },
      { _tag: "MetadataSet", metadata: { v: "1" } },
      { _tag: "Received", from: c, frame: update(d) },
    ]
    for (const input of inputs) expect(a.at(2_000, input)).toStrictEqual([])
    expect(a.state()).toBe(stopped)
  })

  it("before anything is due changes nothing", () => {
    const a = linkedTo([b])
    const before = a.state()
    expect(a.at(1_000, { _tag: "Tick" })).toStrictEqual([])
    expect(a.state()).toBe(before)
  })

  it("ignores frames of an older life, and of a peer that is not a member", () => {
    const a = linkedTo([b])
    const before = a.state()
    for (const from of [{ ...b, generation: wall - 1 }, c]) {
      a.hear(1_000, from, update(d))
      a.hear(1_000, from, { _tag: "YouAre", generation: wall, incarnation: 0, status: "failed" })
      a.hear(1_000, from, { _tag: "ProbeRequest", id: 1, target: "b", generation: wall, deadline: 500 })
    }
    expect(a.state()).toBe(before)
  })

  it("of a leaving node handles no records and no metadata", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Leave" })
    expect(a.hear(1_010, b, update(d))).toStrictEqual([])
    expect(a.at(1_010, { _tag: "MetadataSet", metadata: { v: "1" } })).toStrictEqual([])
    expect(a.state().candidates.size).toBe(0)
    expect(framesOf(a.until(2_000), "Update")).toStrictEqual([])
  })

  it("handles everything that is due at one Tick", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, b, update(d))
    a.hear(1_000, b, update(claim(c, "suspect", 0, "b")))
    const outputs = a.at(60_000, { _tag: "Tick" })
    expect(framesOf(outputs, "Update").flatMap(({ frame }) => frame.records.map(({ name }) => name))).toStrictEqual([
      "d",
      "c",
    ])
    expect(eventsOf(outputs)).toStrictEqual(["Suspected c"])
    expect(a.state().candidates.size).toBe(0)
  })
})
