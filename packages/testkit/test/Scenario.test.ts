import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Scenario from "../src/Scenario.ts"

const body = () => Effect.void

describe("Scenario", () => {
  it("has a name and a body, with or without options", () => {
    assert.deepStrictEqual(Scenario.scenario("a", body).options, {})
    const { name, options } = Scenario.scenario("a", { strict: true }, body)
    assert.deepStrictEqual([name, options], ["a", { strict: true }])
  })

  it("is distinguished from other values", () => {
    assert.isTrue(Scenario.isScenario(Scenario.scenario("a", body)))
    for (const other of [undefined, null, 5, "a", {}, { _tag: "Scenario" }, { _tag: "Other", body }]) {
      assert.isFalse(Scenario.isScenario(other))
    }
  })

  it("explores another order with each seed, and turn order with the first", () => {
    const orders = [1, 2, 3, 4].map((seed) => Scenario.exploreOf(Scenario.scenario("a", body), seed))
    assert.deepStrictEqual(orders, ["fifo", "random", "preempt", "fifo"])
    assert.deepStrictEqual(Scenario.exploreOf(Scenario.scenario("a", { explore: "random" }, body), 1), "random")
  })
})
