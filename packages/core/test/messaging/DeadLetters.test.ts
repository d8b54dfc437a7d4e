import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as DeadLetters from "../../src/messaging/DeadLetters.ts"
import { ReceivedMessage } from "../../src/messaging/ReceivedMessage.ts"

const message = new ReceivedMessage({ name: "peer", generation: 1 }, 1, new Uint8Array(0), undefined)

it.effect("counts each letter, and publishes it to the watchers of its lane until it ends", () =>
  Effect.gen(function* () {
    const lanes: Array<string> = []
    const letters = yield* DeadLetters.make((lane) => lanes.push(lane))
    yield* letters.publish({ lane: "orders", message, reason: "before anybody watches" })
    const seen: Array<string> = []
    const watching = yield* Effect.forkChild(
      Stream.runForEach(letters.of("orders"), ({ reason }) => Effect.sync(() => seen.push(reason))),
      { startImmediately: true },
    )
    yield* Effect.repeat(Effect.yieldNow, { times: 5 })
    yield* letters.publish({ lane: "news", message, reason: "of another lane" })
    yield* letters.publish({ lane: "orders", message, reason: "no JSON" })
    yield* Effect.repeat(Effect.yieldNow, { times: 5 })
    yield* letters.end
    yield* Fiber.await(watching)
    assert.deepStrictEqual(lanes, ["orders", "news", "orders"])
    assert.deepStrictEqual(seen, ["no JSON"])
  }),
)
