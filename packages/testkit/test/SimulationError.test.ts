import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SimulationError from "../src/SimulationError.ts"

const failures: ReadonlyArray<SimulationError.Failure> = [
  new SimulationError.InvariantViolated({ at: 1, message: "m", invariant: "i", node: "a" }),
  new SimulationError.InvariantThrew({ at: 1, message: "m", invariant: "i", cause: new Error("a bug") }),
  new SimulationError.NotConverged({ at: 1, message: "m" }),
  new SimulationError.NotReached({ at: 1, message: "m", condition: "c", seen: "s" }),
  new SimulationError.Stalled({ at: 1, message: "m" }),
  new SimulationError.Livelock({ at: 1, message: "m" }),
  new SimulationError.Escaped({ at: 1, message: "m", what: "Date", site: "app.ts" }),
  new SimulationError.NodeDied({ at: 1, message: "m", node: "a", cause: "a bug" }),
  new SimulationError.TimeLimit({ at: 1, message: "m" }),
  new SimulationError.ScenarioFailed({ at: 1, message: "m", cause: { reason: 5 } }),
  new SimulationError.NonDeterministic({ at: 1, message: "m" }),
]

describe("Failure", () => {
  it("keeps its class, time and message in JSON, for every kind", () => {
    const codec = Schema.toCodecJson(SimulationError.Failure)
    for (const failure of failures) {
      const json: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(failure)))
      const again = Schema.decodeUnknownSync(codec)(json)
      assert.strictEqual(again.constructor, failure.constructor)
      assert.deepStrictEqual([again._tag, again.at, again.message], [failure._tag, failure.at, failure.message])
    }
  })

  it("is a JavaScript error with a message", () => {
    for (const failure of failures) {
      assert.instanceOf(failure, Error)
      assert.strictEqual(failure.message, "m")
    }
  })

  it("is one of the known kinds", () => {
    assert.isTrue(
      Result.isFailure(Schema.decodeUnknownResult(SimulationError.Failure)({ _tag: "Unlucky", at: 1, message: "m" })),
    )
  })
})
