import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { InFlightRequests } from "../../../src/internal/client/InFlightRequests.ts"
import { givenUp } from "../../../src/internal/client/requestErrors.ts"

const write = () => Effect.void

/** Two requests of client 1, to `b` and `c`, and one of client 2 to `b`, whose client uses the id of the first. */
const three = Effect.map(Effect.scope, (scope) => {
  const inFlight = new InFlightRequests(scope)
  return {
    inFlight,
    first: inFlight.add({ id: "x-1", requestId: 1, clientId: 1, peer: "b", write }),
    second: inFlight.add({ id: "x-2", requestId: 2, clientId: 1, peer: "c", write }),
    third: inFlight.add({ id: "x-3", requestId: 1, clientId: 2, peer: "b", write }),
  }
})

describe("the requests in flight", () => {
  it.effect("are found by their ids, their clients and their peers", () =>
    Effect.gen(function* () {
      const { first, inFlight, second, third } = yield* three
      assert.strictEqual(inFlight.get("x-2"), second)
      assert.strictEqual(inFlight.find(1, 1), first)
      assert.strictEqual(inFlight.find(2, 1), third)
      assert.isUndefined(inFlight.find(2, 2))
      assert.deepStrictEqual(inFlight.ofClient(1), [first, second])
      assert.deepStrictEqual(inFlight.ofClient(3), [])
      assert.deepStrictEqual(inFlight.ofPeer("b"), [first, third])
      assert.deepStrictEqual(inFlight.all(), [first, second, third])
    }),
  )

  it.effect("do not have a request that was completed or failed", () =>
    Effect.gen(function* () {
      const { first, inFlight, second, third } = yield* three
      inFlight.complete(first)
      inFlight.fail(second, givenUp("c"))
      yield* first.completed
      yield* Effect.flip(second.completed)
      assert.deepStrictEqual(inFlight.all(), [third])
      assert.deepStrictEqual(inFlight.ofClient(1), [])
      assert.isUndefined(inFlight.get("x-1"))
      assert.isUndefined(inFlight.find(1, 1))
    }),
  )

  it.effect("end each request once", () =>
    Effect.gen(function* () {
      const { first, inFlight } = yield* three
      inFlight.complete(first)
      inFlight.fail(first, givenUp("b"))
      yield* first.completed
    }),
  )
})
