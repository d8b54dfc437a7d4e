import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as RequestIds from "../../../src/internal/client/RequestIds.ts"

describe("ids of requests", () => {
  it.effect("differ from each other, and from the ids of another client layer", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* RequestIds.make, yield* RequestIds.make]
      assert.strictEqual(new Set([one.next(), one.next(), other.next(), other.next()]).size, 4)
    }),
  )

  it.effect("are owned by the client layer that made them", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* RequestIds.make, yield* RequestIds.make]
      const id = one.next()
      assert.isTrue(one.owns(id))
      assert.isFalse(other.owns(id))
    }),
  )
})
