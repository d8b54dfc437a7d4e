/** Tests of lost connections. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { next, nodeOf, pattern, reasonOf } from "./connections.ts"
import type { Suite } from "./Harness.ts"

/** Registers the tests. */
export const checkLoss = ({ check, isEnd }: Suite): void => {
  check("a lost connection fails pull and write", (harness) =>
    Effect.gen(function* () {
      const node = yield* nodeOf(harness)
      const peer = yield* harness.silentPeer
      const connection = yield* node.connect(peer.address)
      const pulling = yield* Effect.forkScoped(next(connection), { startImmediately: true })
      yield* peer.reset
      assert.isTrue(isEnd(yield* Fiber.join(pulling), "closed"))
      assert.isTrue(isEnd(yield* next(connection), "closed"))
      assert.isTrue(isEnd(yield* reasonOf(connection.write([pattern(0, 1)])), "closed"))
      yield* connection.end
    }),
  )

  check("a lost connection fails a write that waits", (harness) =>
    Effect.gen(function* () {
      const node = yield* nodeOf(harness)
      const peer = yield* harness.silentPeer
      const connection = yield* node.connect(peer.address)
      const writing = yield* Effect.forkScoped(reasonOf(Effect.forever(connection.write([pattern(0, 65_536)]))), {
        startImmediately: true,
      })
      yield* peer.reset
      assert.isTrue(isEnd(yield* Fiber.join(writing), "closed"))
    }),
  )
}
