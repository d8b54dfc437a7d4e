import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as FaultPlan from "../../src/FaultPlan.ts"
import { validateOptions } from "../../src/run/validateOptions.ts"
import * as Scenario from "../../src/Scenario.ts"

const scenario = (options: Scenario.Options = {}) => Scenario.scenario("a test", options, () => Effect.void)

const valid = (options: Scenario.Options, run: Partial<Scenario.RunOptions> = {}) =>
  Result.getOrThrow(validateOptions(scenario(options), { seed: 1, ...run }))

const invalid = (options: Scenario.Options, run: Partial<Scenario.RunOptions> = {}) =>
  Result.getOrThrow(Result.flip(validateOptions(scenario(options), { seed: 1, ...run })))

describe("validateOptions", () => {
  it("uses the defaults: turn order for the first seed, ten minutes, and no faults", () => {
    const { explore, source, timeLimit } = valid({})
    assert.deepStrictEqual([explore, timeLimit, source.network], ["fifo", 600_000_000, {}])
    assert.isUndefined(source.next(0))
  })

  it("uses the shorter time limit of the scenario and the run", () => {
    assert.strictEqual(valid({ timeLimit: "1 minute" }, { timeLimit: "2 minutes" }).timeLimit, 60_000_000)
    assert.strictEqual(valid({ timeLimit: "3 minutes" }, { timeLimit: "2 minutes" }).timeLimit, 120_000_000)
  })

  it("prefers the order of the run to the order of the scenario", () => {
    assert.strictEqual(valid({ explore: "random" }).explore, "random")
    assert.strictEqual(valid({ explore: "random" }, { explore: "preempt" }).explore, "preempt")
  })

  it("uses the faults of a replay instead of the plan", () => {
    const timeline: ReadonlyArray<FaultPlan.Fault> = [{ kind: "reset", at: 5, from: "a", to: "b" }]
    const { source } = valid(
      { faults: { timeline: [{ kind: "reset", at: "9 seconds", from: "a", to: "b" }] } },
      { replay: { network: { loss: 0.5 }, timeline, deviations: {} } },
    )
    assert.deepStrictEqual([source.next(0), source.network], [5, { loss: 0.5 }])
  })

  it("refuses invalid seeds", () => {
    for (const seed of [-1, 1.5, Number.NaN, Number.MAX_SAFE_INTEGER + 1]) {
      assert.strictEqual(invalid({}, { seed }).reason, "seeds")
    }
  })

  it("refuses options that only a caller without types can pass", () => {
    const untyped = (options: unknown) => invalid(options as Scenario.Options)
    assert.strictEqual(untyped({ explore: "backwards" }).reason, "options")
    assert.strictEqual(untyped({ timeLimit: "soon" }).reason, "options")
    assert.strictEqual(untyped({ faults: "everything" }).reason, "plan")
    assert.strictEqual(untyped({ faults: { timeline: [{ kind: "flood" }] } }).reason, "plan")
  })
})
