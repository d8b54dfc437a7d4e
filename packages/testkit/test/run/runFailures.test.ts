import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import { Life } from "../../src/kernel/Life.ts"
import { Machine } from "../../src/kernel/Machine.ts"
import * as RunFailures from "../../src/run/runFailures.ts"

const scenario = new Machine("scenario", 0)

describe("The failures of a run", () => {
  it("name the waiting lives", () => {
    const life = new Life(scenario, 1)
    life.fibers = 1
    assert.strictEqual(RunFailures.waiting(life, []), "the scenario (1 fiber)")
    assert.include(RunFailures.stalled(5, "a (2 fibers)").message, "Waiting: a (2 fibers).")
    assert.include(RunFailures.timeLimit(60_000_000, "a").message, "after 60.000 s of virtual time")
  })

  it("name the origin of a livelock", () => {
    const message = (machine: Machine | undefined) =>
      RunFailures.livelock(0, { machine, scenario, stepsPerInstant: 10 }).message
    assert.include(message(undefined), "Some code probably loops")
    assert.include(message(scenario), "The scenario probably loops")
    assert.include(message(new Machine("a", 1)), "a probably loops")
  })

  it("belong to a node only if the node caused them", () => {
    assert.strictEqual(RunFailures.callbackThrew(1, "a", "a bug")._tag, "NodeDied")
    assert.strictEqual(RunFailures.callbackThrew(1, undefined, "a bug")._tag, "ScenarioFailed")
    assert.include(RunFailures.callbackThrew(1, "a", new Error("a bug")).message, "a bug")
  })

  it("keep the error of the scenario", () => {
    const error = new Error("not what was expected")
    const failure = RunFailures.scenarioFailed(1_000, Cause.fail(error))
    assert(failure._tag === "ScenarioFailed")
    assert.strictEqual(failure.cause, error)
    assert.include(failure.message, "the scenario failed at 1.0 ms: not what was expected")
  })

  it("name the use of the platform and its place", () => {
    const failure = RunFailures.escaped(1, "a", "Date", "at app.ts:5")
    assert(failure._tag === "Escaped")
    assert.deepStrictEqual([failure.what, failure.site, failure.node], ["Date", "at app.ts:5", "a"])
  })
})
