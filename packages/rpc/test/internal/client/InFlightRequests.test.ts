import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { givenUp } from "../../../src/internal/client/requestErrors.ts"
import { inFlightRequests } from "../FakeMetrics.ts"

const write = () => Effect.void

/** Adds two requests of client 1, to `b` and `c`, and a request of client 2 to `b` with the same id as the first. */
const three = Effect.map(inFlightRequests, ({ fake, inFlight }) => {
  return {
    fake,
    inFlight,
    first: inFlight.add({ id: "x-1", requestId: 1, clientId: 1, hasSeveralPeers: false, peer: "b", write }),
    second: inFlight.add({ id: "x-2", requestId: 2, clientId: 1, hasSeveralPeers: false, peer: "c", write }),
    third: inFlight.add({ id: "x-3", requestId: 1, clientId: 2, hasSeveralPeers: false, peer: "b", write }),
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
      assert.deepStrictEqual(
        ["b", "c", "d"].map((peer) => inFlight.countOfPeer(peer)),
        [2, 1, 0],
      )
      assert.deepStrictEqual(inFlight.all(), [first, second, third])
    }),
  )

  it.effect("do not include a request that was completed or failed", () =>
    Effect.gen(function* () {
      const { first, inFlight, second, third } = yield* three
      inFlight.complete(first, "interrupted")
      inFlight.fail(second, givenUp("c"))
      yield* first.completed
      yield* Effect.flip(second.completed)
      assert.deepStrictEqual(inFlight.all(), [third])
      assert.deepStrictEqual(inFlight.ofClient(1), [])
      assert.deepStrictEqual(inFlight.ofPeer("b"), [third])
      assert.deepStrictEqual(
        ["b", "c"].map((peer) => inFlight.countOfPeer(peer)),
        [1, 0],
      )
      assert.isUndefined(inFlight.get("x-1"))
      assert.isUndefined(inFlight.find(1, 1))
    }),
  )

  it.effect("end each request once", () =>
    Effect.gen(function* () {
      const { first, inFlight } = yield* three
      inFlight.complete(first, "interrupted")
      inFlight.fail(first, givenUp("b"))
      yield* first.completed
    }),
  )

  it.effect("are counted by their outcomes, each once", () =>
    Effect.gen(function* () {
      const { fake, first, inFlight, second, third } = yield* three
      assert.deepStrictEqual(fake.values, { "total out": 3, "in_flight out": 3 })
      yield* TestClock.adjust("2 seconds")
      inFlight.answer(first, "failure")
      inFlight.answer(first, "success")
      inFlight.fail(second, givenUp("c"))
      inFlight.complete(second, "interrupted")
      inFlight.complete(third, "interrupted")
      assert.deepStrictEqual(fake.values, {
        "total out": 3,
        "outcomes_total out failure": 1,
        "outcomes_total out GivenUp": 1,
        "outcomes_total out interrupted": 1,
      })
      assert.deepStrictEqual(fake.recorded, [2])
    }),
  )
})
