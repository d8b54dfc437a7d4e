/** Tests of accepting connections: before, during and after `run`. */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { echo, next, nodeOf, pattern, reasonOf, receiveAll, sendAll } from "./connections.ts"
import type { Suite } from "./Harness.ts"

/** Registers the tests. */
export const checkAccepting = ({ check, isEnd }: Suite): void => {
  check("connections that arrive before run wait for it", (harness) =>
    Effect.gen(function* () {
      const server = yield* nodeOf(harness)
      const client = yield* nodeOf(harness)
      const listener = yield* server.listen
      const early = yield* Effect.forEach([1, 2, 3], () => client.connect(listener.addresses[0]))
      for (const connection of early) {
        yield* connection.write([pattern(0, 100)])
        yield* connection.end
      }
      yield* Effect.forkScoped(listener.run(echo))
      for (const connection of early) assert.strictEqual(yield* receiveAll(connection), 100)
    }),
  )

  check("closing a listener ends the connections that wait for run", (harness) =>
    Effect.gen(function* () {
      const server = yield* nodeOf(harness)
      const client = yield* nodeOf(harness)
      const scope = yield* Scope.fork(yield* Effect.scope)
      const listener = yield* Scope.provide(server.listen, scope)
      const connection = yield* client.connect(listener.addresses[0])
      yield* Scope.close(scope, Exit.void)
      const end = yield* next(connection)
      assert.isTrue(isEnd(end, "done") || end === "closed", `expected an end, not ${String(end)}`)
      assert.strictEqual(yield* reasonOf(client.connect(listener.addresses[0])), "refused")
    }),
  )

  check("interrupting run ends its handlers and connections, and a later run accepts later connections", (harness) =>
    Effect.gen(function* () {
      const server = yield* nodeOf(harness)
      const client = yield* nodeOf(harness)
      const listener = yield* server.listen
      const arrived = yield* Deferred.make<void>()
      let finalized = false
      const running = yield* Effect.forkScoped(
        listener.run(() =>
          Deferred.succeed(arrived, undefined).pipe(
            Effect.andThen(Effect.never),
            Effect.onInterrupt(() =>
              Effect.sync(() => {
                finalized = true
              }),
            ),
          ),
        ),
      )
      const dialing = yield* Effect.forkScoped(client.connect(listener.addresses[0]))
      // The handler itself wakes this fiber, which interrupts the handler at once.
      yield* Deferred.await(arrived)
      yield* Fiber.interrupt(running)
      assert.isTrue(finalized)
      assert.isTrue(isEnd(yield* next(yield* Fiber.join(dialing)), "done"))
      const second = yield* client.connect(listener.addresses[0])
      yield* Effect.forkScoped(sendAll(second, 10))
      yield* Effect.forkScoped(listener.run(echo))
      assert.strictEqual(yield* receiveAll(second), 10)
    }),
  )
}
