import * as Strangers from "../../../src/internal/accept/strangers.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

describe("the bounds for strangers", () => {
  it("are the defaults where none is given", () => {
    assert.deepStrictEqual(Strangers.make(), Result.succeed(Strangers.defaults))
    assert.deepStrictEqual(Strangers.make({ waiting: 7 }), Result.succeed({ ...Strangers.defaults, waiting: 7 }))
  })

  it("are refused if they are no whole number from 1 on, or unknown", () => {
    assert.deepStrictEqual(
      Strangers.make({ handshakes: 0.5 }),
      Result.fail(`"strangers.handshakes" must be a whole number from 1 on, not 0.5`),
    )
    // As a program in JavaScript can write it.
    const misspelled: object = { wating: 7 }
    const result = Strangers.make(misspelled)
    assert.isTrue(Result.isFailure(result) && result.failure.startsWith(`"strangers.wating" is no bound: use `))
  })
})
