import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ServerInput } from "../../../src/internal/server/ServerInput.ts"

describe("the entrance to Effect's server", () => {
  it.effect("drops messages until it is open, and then passes them on", () =>
    Effect.gen(function* () {
      const passed: Array<unknown> = []
      const input = new ServerInput()
      yield* input.write(1, { _tag: "Ack", requestId: "x" })
      input.open((clientId, message) => Effect.sync(() => void passed.push([clientId, message])))
      yield* input.write(2, { _tag: "Ack", requestId: "y" })
      assert.deepStrictEqual(passed, [[2, { _tag: "Ack", requestId: "y" }]])
    }),
  )
})
