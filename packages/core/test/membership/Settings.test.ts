/** Numbers of the membership. */
import { describe, expect, it } from "@effect/vitest"
import * as Settings from "../../src/membership/Settings.ts"

describe("settings", () => {
  it("round a fan-out to a whole number of at least one, whatever the policy returns", () => {
    expect([0, -1, Number.NaN, 1, 2.9, 7].map(Settings.atLeastOne)).toStrictEqual([1, 1, 1, 1, 2, 7])
  })

  it("ask three members, and five in a cluster of more than 100", () => {
    expect([3, 100, 101].map(Settings.defaults.probeFanOut)).toStrictEqual([3, 3, 5])
  })

  it("gossip to ceil(log2(N + 1)) members", () => {
    expect([1, 3, 4, 100, 300].map(Settings.defaults.relayFanOut)).toStrictEqual([1, 2, 3, 7, 9])
  })
})
