import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Scenarios from "../../src/cli/scenarios.ts"
import * as Scenario from "../../src/Scenario.ts"

const make = (name: string) => Scenario.scenario(name, () => Effect.void)

const names = (exports: unknown) =>
  Result.match(Scenarios.among(exports), {
    onFailure: ({ message }) => message,
    onSuccess: (scenarios) => scenarios.map(({ name }) => name),
  })

describe("the scenarios of a module", () => {
  it("are found in arrays and records, once each, in the order of their names", () => {
    const [a, b, c] = [make("a"), make("b"), make("c")]
    const exports = { c, default: [b, { deep: { deeper: [a] } }], all: [a, b, c] }
    assert.deepStrictEqual(names(exports), ["a", "b", "c"])
    assert.deepStrictEqual(names(Object.assign(Object.create(null), exports)), ["a", "b", "c"])
  })

  it("are distinguished from its other exports, which may be cyclic", () => {
    const round: { self?: unknown; a: unknown } = { a: make("a") }
    round.self = [round]
    class Box {
      hidden = make("hidden")
    }
    assert.deepStrictEqual(names({ round, n: 1, f: make, nothing: null, box: new Box(), map: new Map() }), ["a"])
    assert.deepStrictEqual(names({}), [])
  })

  it("must have unique names", () => {
    assert.match(
      String(names({ a: make("same"), b: make("same") })),
      /two scenarios are named "same".*give each its own name/,
    )
  })
})
