/** The duration of a suspicion (docs/protocol.md R5). */
import { describe, expect, it } from "@effect/vitest"
import * as Settings from "../../src/membership/Settings.ts"
import * as SuspicionTimer from "../../src/membership/suspicionTimer.ts"

describe("the suspicion timer", () => {
  const timeout = (circumstances: Partial<SuspicionTimer.Circumstances>, accusers: number, refused = 0) =>
    SuspicionTimer.timeout(
      { settings: Settings.defaults, size: 10, health: 0, view: { isolated: false }, ...circumstances },
      new Map(Array.from({ length: accusers }, (_, i) => [`p${i}`, i < refused])),
    )

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
  ])("in a cluster of %i with %i accusers takes %f ms", (size, accusers, millis) => {
    expect(timeout({ size }, accusers)).toBeCloseTo(millis, 6)
  })

  it("is half of its minimum with two accusers that saw a refused connection, and not with one", () => {
    expect(timeout({}, 4, 1)).toBe(2_000)
    expect(timeout({}, 4, 2)).toBe(1_000)
    expect(timeout({}, 4, 4)).toBe(1_000)
    expect(timeout({}, 1, 1)).toBe(12_000)
  })

  it("grows with the local health score, up to suspicionMax", () => {
    expect(timeout({ health: 1 }, 4)).toBe(4_000)
    expect(timeout({ health: 7 }, 4)).toBe(12_000)
    expect(timeout({ health: 1 }, 1)).toBe(12_000)
  })

  it("of an isolated node takes suspicionMax, unless there is only one other member", () => {
    expect(timeout({ view: { isolated: true } }, 4, 4)).toBe(12_000)
    expect(timeout({ view: { isolated: true }, size: 2 }, 1)).toBe(2_000)
  })
})
