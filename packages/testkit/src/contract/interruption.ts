/** Tests of interrupted operations: an interruption loses no bytes and leaks no connection. */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import { connected, nodeOf, pattern, receiveAll, sendAll, untilEnd, verify } from "./connections.ts"
import type { Suite } from "./Harness.ts"

/** Registers the tests. */
export const checkInterruption = ({ check, eventually, pause }: Suite): void => {
  check("an interrupted write sends all of its bytes", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      const size = 16 * 1024 * 1024
      const writing = yield* Effect.forkScoped(dialer.write([pattern(0, size)]), { startImmediately: true })
      yield* Fiber.interrupt(writing)
      yield* dialer.end
      assert.strictEqual(yield* receiveAll(acceptor), size)
    }),
  )

  check("an interrupted pull loses nothing", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      const size = 400_000
      yield* Effect.forkScoped(sendAll(dialer, size))
      let at = 0
      let interrupted = 0
      for (let open = true; open;) {
        const pulling = yield* Effect.forkChild(acceptor.pull, { startImmediately: true })
        for (let i = yield* Random.nextIntBetween(0, 3); i > 0; i--) yield* Effect.yieldNow
        yield* Fiber.interrupt(pulling)
        const exit = yield* Fiber.await(pulling)
        if (Exit.isSuccess(exit)) at = verify(at, exit.value)
        else if (Cause.hasInterruptsOnly(exit.cause)) {
          interrupted++
          yield* pause
        } else open = false
      }
      assert.strictEqual(at, size)
      assert.isAbove(interrupted, 0)
    }),
  )

  check("an interrupted connect leaves no connection", (harness) =>
    Effect.gen(function* () {
      const server = yield* nodeOf(harness)
      const client = yield* nodeOf(harness)
      const listener = yield* server.listen
      yield* Effect.forkScoped(listener.run(untilEnd))
      const before = yield* harness.open
      for (let i = 0; i < 60; i++) {
        // The scope of an interrupted dial stays open, so only the interruption can have closed its connection.
        const scope = yield* Scope.fork(yield* Effect.scope)
        const dialing = yield* Effect.forkChild(Scope.provide(client.connect(listener.addresses[0]), scope), {
          startImmediately: true,
        })
        for (let yields = i % 20; yields > 0; yields--) yield* Effect.yieldNow
        yield* Fiber.interrupt(dialing)
        if (Exit.isSuccess(yield* Fiber.await(dialing))) yield* Scope.close(scope, Exit.void)
      }
      yield* eventually(Effect.map(harness.open, (open) => open <= before))
    }),
  )
}
